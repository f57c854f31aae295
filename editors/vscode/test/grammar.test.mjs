// The TextMate grammar: what single lines are coloured as, and that every word, comment and string of every program of the project gets its colour.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import oniguruma from 'vscode-oniguruma';
import textmate from 'vscode-textmate';

const here = dirname(fileURLToPath(import.meta.url));
const wasm = readFileSync(createRequire(import.meta.url).resolve('vscode-oniguruma/release/onig.wasm'));
await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
const registry = new textmate.Registry({
  onigLib: Promise.resolve({
    createOnigScanner: patterns => new oniguruma.OnigScanner(patterns),
    createOnigString: text => new oniguruma.OnigString(text),
  }),
  loadGrammar: async scope => {
    const path = join(here, '../syntaxes/blueprint.tmLanguage.json');
    return scope === 'source.blueprint' ? textmate.parseRawGrammar(readFileSync(path, 'utf8'), path) : null;
  },
});
const grammar = await registry.loadGrammar('source.blueprint');

/** Every token of a text: its line, text and innermost scope. */
function tokens(text) {
  let state = textmate.INITIAL;
  return text.split('\n').flatMap((line, number) => {
    const result = grammar.tokenizeLine(line, state);
    state = result.ruleStack;
    return result.tokens.map(({ startIndex, endIndex, scopes }) => ({
      line: number + 1,
      start: startIndex,
      text: line.slice(startIndex, endIndex),
      scopes,
      scope: scopes.at(-1).replace(/\.blueprint$/, ''),
    }));
  });
}

/** The innermost scope of the nth occurrence of a piece of a text. */
function scopeOf(text, piece, nth = 0) {
  const found = tokens(text).filter(token => token.text.trim() === piece)[nth];
  assert.ok(found, `no token ${JSON.stringify(piece)} in ${JSON.stringify(text)}: ${tokens(text).map(t => t.text).join('|')}`);
  return found.scope;
}

const lines = [
  ['use std.nn.{Linear, relu as r}', { use: 'keyword.control.import', std: 'entity.name.namespace', Linear: 'entity.name.type', as: 'keyword.control.import' }],
  ['blueprint Net(hidden: dim = 16) {', { blueprint: 'storage.type', Net: 'entity.name.type', hidden: 'variable.parameter', dim: 'support.type', 16: 'constant.numeric.integer' }],
  ['    layer first = Linear(hidden)', { layer: 'storage.modifier', first: 'variable.other.member', Linear: 'entity.name.type' }],
  ['    forward(x: f32[b, in]) -> f32[b, out] {', { forward: 'storage.type.function', f32: 'support.type', in: 'variable.other', '->': 'keyword.operator.arrow' }],
  ['    x |> first |> relu', { first: 'entity.name.function', relu: 'entity.name.function' }],
  ['fn softmax(x: f32[..]) -> f32[..] {', { fn: 'storage.type.function', softmax: 'entity.name.function', '..': 'keyword.operator.rest' }],
  ['    param w: f32[out] = zeros if use_bias', { param: 'storage.modifier', if: 'keyword.control', zeros: 'variable.other' }],
  ['    optimizer = AdamW(lr = 1e-3)', { optimizer: 'variable.other.property', AdamW: 'entity.name.type', lr: 'variable.parameter', '1e-3': 'constant.numeric.float' }],
  ['    prune when grad_ratio < 0.005 for epochs(2)', { prune: 'entity.name.function', when: 'keyword.control', for: 'keyword.control', epochs: 'entity.name.function' }],
  ['    grow early, late from CANDIDATES by Gardener', { grow: 'keyword.other', from: 'keyword.other', CANDIDATES: 'variable.other.constant', by: 'keyword.other' }],
  ['    wide(z, from = z)', { from: 'variable.parameter' }],
  ['    [f(i) for (i, (j, _)) in pairs]', { for: 'keyword.control', in: 'keyword.control' }],
  ['    mean := lerp(mean, m, 0.1)', { ':=': 'keyword.operator.assignment', lerp: 'entity.name.function' }],
  ['    if training and not false { 1 }', { if: 'keyword.control', training: 'variable.language', and: 'keyword.operator.logical', not: 'keyword.operator.logical', false: 'constant.language' }],
  ['    einsum("b i // \\" x", w) // behind', { einsum: 'entity.name.function', '// behind': 'comment.line.double-slash', '\\"': 'constant.character.escape' }],
  ['const N: int = 4', { const: 'storage.modifier', N: 'variable.other.constant', int: 'support.type' }],
  ['/// documentation', { '/// documentation': 'comment.line.documentation' }],
  ['//// nobody', { '//// nobody': 'comment.line.double-slash' }],
  ['//! the file', { '//! the file': 'comment.line.documentation' }],
];

test('single lines', () => {
  for (const [line, expected] of lines) {
    for (const [piece, scope] of Object.entries(expected)) {
      assert.equal(scopeOf(line, piece), scope, `${piece} in: ${line}`);
    }
  }
});

// without the corpus of broken ones
function programs(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      return ['target', 'node_modules', '.git', 'runs', 'corpus'].includes(entry.name) ? [] : programs(path);
    }
    return entry.name.endsWith('.blueprint') ? [path] : [];
  });
}

// words that are never names
const WORDS = new Set(
  'use const fn param state layer slot forward update grow require let if else for true false and or not'.split(' '),
);

test('every word, comment, string and number of every program', () => {
  const paths = programs(join(here, '../../..'));
  assert.ok(paths.length >= 10, `only ${paths.length} programs`);
  for (const path of paths) {
    const text = readFileSync(path, 'utf8');
    const coloured = tokens(text);
    text.split('\n').forEach((line, index) => {
      // an independent reading of the line: strings, comments, words, numbers
      for (const match of line.matchAll(/"(?:[^"\\]|\\.)*"|\/\/.*|[A-Za-z_]\w*|\d[\d_]*(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?/g)) {
        const token = coloured.find(t => t.line === index + 1 && t.start <= match.index && match.index < t.start + t.text.length);
        const where = `${path}:${index + 1}: ${match[0]} is ${token?.scopes.join(' ')}`;
        if (match[0].startsWith('//')) {
          const documentation = /^\/\/!|^\/\/\/(?!\/)/.test(match[0]);
          assert.ok(token.scope.startsWith(documentation ? 'comment.line.documentation' : 'comment.line.double-slash'), where);
        } else if (match[0].startsWith('"')) {
          assert.ok(token.scopes.some(scope => scope.startsWith('string.quoted')), where);
        } else if (/^\d/.test(match[0])) {
          assert.ok(token.scope.startsWith('constant.numeric'), where);
        } else if (WORDS.has(match[0])) {
          assert.match(token.scope, /^(keyword|storage|constant\.language|support\.type)/, where);
        } else {
          assert.match(token.scope, /^(entity|variable|storage|keyword|support|constant)/, where);
        }
      }
    });
  }
});
