// The graph of an experiment as a picture: `esperc build --emit graph=dot`, laid out and drawn by a page of its own.
import { randomBytes } from 'node:crypto';
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { compilerPath, output } from './compiler';
import { experiments, savedBlueprint } from './tasks';

const PROGRAMS = [
  { label: 'predict', description: 'what the network computes' },
  { label: 'train', description: 'the whole training step: forward, backward, optimizer' },
  { label: 'eval', description: 'loss and metrics' },
  { label: 'init', description: 'the first values of the parameters' },
];

/** Asks for an experiment and a program of the file in front, and draws its graph beside it. */
export async function showGraph(context: vscode.ExtensionContext): Promise<void> {
  const document = await savedBlueprint();
  const esperc = compilerPath(context);
  if (document === undefined || esperc === undefined) {
    return;
  }
  const file = document.uri.fsPath;
  const names = experiments(document.getText());
  const train = names.length > 1 ? await vscode.window.showQuickPick(names, { title: 'Which experiment?' }) : names[0];
  if (train === undefined) {
    if (names.length === 0) {
      void vscode.window.showInformationMessage(`${basename(file)} has no \`train\`, so there is nothing to build a graph of.`);
    }
    return;
  }
  const program = await vscode.window.showQuickPick(PROGRAMS, { title: 'Which program?' });
  if (program === undefined) {
    return;
  }
  let dot: string;
  try {
    dot = await output(esperc, ['build', file, train, '--emit', 'graph=dot', '--program', program.label], dirname(file));
  } catch (error) {
    void vscode.window.showErrorMessage(`There is no graph: ${error instanceof Error ? error.message : String(error)}`);
    return;
  }
  const folder = vscode.Uri.joinPath(context.extensionUri, 'dist');
  const panel = vscode.window.createWebviewPanel(
    'blueprint.graph',
    `${train}: ${program.label}`,
    { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
    { enableScripts: true, localResourceRoots: [folder], retainContextWhenHidden: true },
  );
  panel.webview.html = page(panel.webview, panel.webview.asWebviewUri(vscode.Uri.joinPath(folder, 'graph.js')), dot);
}

function page(webview: vscode.Webview, script: vscode.Uri, dot: string): string {
  const nonce = randomBytes(16).toString('hex');
  // Graphviz runs as WebAssembly inside the page
  const policy = `default-src 'none'; style-src ${webview.cspSource} 'unsafe-inline'; script-src 'nonce-${nonce}' 'wasm-unsafe-eval'`;
  const text = dot.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<style>
  body { padding: 0; overflow: auto; }
  #status { padding: 1em; }
  svg text { fill: var(--vscode-editor-foreground); font-family: 'Courier New', Courier, 'Liberation Mono', monospace; }
  svg polygon, svg ellipse { fill: none; stroke: var(--vscode-editor-foreground); }
  svg path { stroke: var(--vscode-descriptionForeground); }
  svg .edge polygon { fill: var(--vscode-descriptionForeground); stroke: none; }
  svg .graph > polygon { stroke: none; }
</style>
</head>
<body>
<div id="status">Laying out the graph …</div>
<textarea id="dot" hidden>${text}</textarea>
<script nonce="${nonce}" src="${script.toString()}"></script>
</body>
</html>`;
}
