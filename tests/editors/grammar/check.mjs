// The committed parser was generated from the committed grammar.js: evaluates grammar.js as the generator does and compares it with
// src/grammar.json, which the generator wrote beside the parser. Run by ../run: check.mjs GRAMMAR_FOLDER
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import { join, resolve } from 'node:path';

const folder = resolve(process.argv[2]);

/** What may be written in a rule, as the generator's JSON has it. */
function normal(rule) {
  if (typeof rule === 'string') {
    return { type: 'STRING', value: rule };
  }
  return rule instanceof RegExp ? { type: 'PATTERN', value: rule.source } : rule;
}
const members = type => (...rules) => ({ type, members: rules.map(normal) });
const content = type => rule => ({ type, content: normal(rule) });

Object.assign(globalThis, {
  seq: members('SEQ'),
  choice: members('CHOICE'),
  optional: rule => ({ type: 'CHOICE', members: [normal(rule), { type: 'BLANK' }] }),
  repeat: content('REPEAT'),
  token: Object.assign(content('TOKEN'), { immediate: content('IMMEDIATE_TOKEN') }),
  field: (name, rule) => ({ type: 'FIELD', name, content: normal(rule) }),
  alias: (rule, as) => ({
    type: 'ALIAS',
    content: normal(rule),
    named: typeof as !== 'string',
    value: typeof as === 'string' ? as : as.name,
  }),
  grammar: definition => definition,
});

const rules = new Proxy({}, { get: (_, name) => ({ type: 'SYMBOL', name }) });
const definition = createRequire(import.meta.url)(join(folder, 'grammar.js'));
const list = name => definition[name](rules).map(normal);
const written = {
  name: definition.name,
  word: definition.word(rules).name,
  rules: Object.fromEntries(Object.entries(definition.rules).map(([name, rule]) => [name, normal(rule.call(rules, rules))])),
  extras: list('extras'),
  externals: list('externals'),
  supertypes: definition.supertypes(rules).map(symbol => symbol.name),
};
const generated = JSON.parse(readFileSync(join(folder, 'src', 'grammar.json'), 'utf8'));

const different = Object.keys(written).filter(key => key !== 'rules' && !isDeepStrictEqual(written[key], generated[key]));
const names = new Set([...Object.keys(written.rules), ...Object.keys(generated.rules)]);
different.push(...[...names].filter(name => !isDeepStrictEqual(written.rules[name], generated.rules[name])));
if (different.length > 0) {
  console.log(`    FAILED src/ is older than grammar.js, run \`tree-sitter generate --abi 14\`: ${different.join(', ')}`);
  process.exit(1);
}
console.log(`    ok ${names.size} rules`);
