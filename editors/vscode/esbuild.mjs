// Bundles the extension and the page that draws graphs, each to one file in dist/.
import { build } from 'esbuild';

const options = { bundle: true, minify: true, sourcemap: false, legalComments: 'none', logLevel: 'warning' };
await build({ ...options, entryPoints: ['src/extension.ts'], outfile: 'dist/extension.js', platform: 'node', format: 'cjs', target: 'node20', external: ['vscode'] });
await build({ ...options, entryPoints: ['webview/graph.ts'], outfile: 'dist/graph.js', platform: 'browser', format: 'iife', target: 'es2022' });
