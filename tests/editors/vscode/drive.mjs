// Real VS Code (code-server) in headless Chromium with the packaged extension: a misspelt dim draws a squiggle under it, the quick fix repairs
// it, an inlay hint shows a shape, and the extension's commands do what they say. Run by ../run:
// drive.mjs CODE_SERVER PLAYWRIGHT VSIX ESPERC FIXTURES EXAMPLES PICTURES
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [codeServer, playwright, vsix, esperc, fixtures, examples, pictures] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);
const folder = mkdtempSync(join(tmpdir(), 'esper-vscode-'));
const project = join(folder, 'project');
cpSync(fixtures, project, { recursive: true });
cpSync(examples, project, { recursive: true });
mkdirSync(pictures, { recursive: true });

const settings = {
  'editor.inlayHints.enabled': 'on',
  'editor.minimap.enabled': false,
  'editor.wordWrap': 'off',
  'extensions.autoCheckUpdates': false,
  'extensions.autoUpdate': false,
  'extensions.ignoreRecommendations': true,
  'files.autoSave': 'off',
  'security.workspace.trust.enabled': false,
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'workbench.enableExperiments': false,
  'workbench.startupEditor': 'none',
  'workbench.tips.enabled': false,
};
// paths of programs belong to the machine that the server runs on
for (const [level, values] of [['User', settings], ['Machine', { 'blueprint.server.path': esperc }]]) {
  mkdirSync(join(folder, 'data', level), { recursive: true });
  writeFileSync(join(folder, 'data', level, 'settings.json'), JSON.stringify(values));
}

let failures = 0;
function check(name, holds, detail) {
  console.log(`    ${holds ? 'ok' : 'FAILED'} ${name}${holds ? '' : `: ${JSON.stringify(detail)}`}`);
  failures += holds ? 0 : 1;
}

async function eventually(condition, milliseconds = 40000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await condition();
    if (value || Date.now() > end) {
      return value;
    }
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

function freePort() {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const entry = join(codeServer, 'out', 'node', 'entry.js');
const folders = ['--user-data-dir', join(folder, 'data'), '--extensions-dir', join(folder, 'extensions')];
const offline = ['--disable-telemetry', '--disable-update-check', '--disable-workspace-trust'];
// no terminal of code-server's own, no way for it to find another server of this user
const environment = { ...process.env, XDG_DATA_HOME: join(folder, 'share'), XDG_CONFIG_HOME: join(folder, 'config') };
execFileSync(process.execPath, [entry, '--install-extension', vsix, ...folders], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
const port = await freePort();
const log = openSync(join(folder, 'code-server.log'), 'w');
const server = spawn(process.execPath, [entry, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`, ...folders, ...offline], {
  env: environment,
  stdio: ['ignore', log, log],
  detached: true,
});

/** Ends code-server and the processes that it started. */
function stop() {
  try {
    process.kill(-server.pid, 'SIGTERM');
  } catch {
    // it ended before
  }
}
process.on('SIGTERM', () => {
  stop();
  process.exit(1);
});

/** The visible lines of the editor in front, with where a piece of one stands on the screen. */
const reader = {
  lines: page =>
    page.evaluate(() =>
      [...document.querySelectorAll('.editor-instance .view-line')]
        .map(line => ({ top: line.getBoundingClientRect().top, text: line.textContent.replaceAll('\u00a0', ' ') }))
        .sort((a, b) => a.top - b.top)
        .map(line => line.text),
    ),
  place: (page, piece) =>
    page.evaluate(wanted => {
      for (const line of document.querySelectorAll('.editor-instance .view-line')) {
        const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node; node = walker.nextNode()) {
          const start = node.data.replaceAll('\u00a0', ' ').indexOf(wanted);
          if (start >= 0) {
            const range = document.createRange();
            range.setStart(node, start);
            range.setEnd(node, start + wanted.length);
            const { x, y, width, height } = range.getBoundingClientRect();
            return { x, y, width, height };
          }
        }
      }
      return null;
    }, piece),
  squiggles: page =>
    page.evaluate(() =>
      [...document.querySelectorAll('.editor-instance .squiggly-error')].map(element => {
        const { x, y, width, height } = element.getBoundingClientRect();
        return { x, y, width, height };
      }),
    ),
};

// through the explorer: this build has no ripgrep, so quick open finds nothing
async function open(page, name) {
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: name }).dblclick();
  await page.waitForSelector(`.tab.active[data-resource-name="${name}"]`);
}

async function command(page, title) {
  await page.keyboard.press('F1');
  await page.waitForSelector('.quick-input-box input');
  await page.keyboard.type(title);
  await page.waitForFunction(
    wanted => document.querySelector('.quick-input-list .monaco-list-row.focused')?.textContent.includes(wanted),
    title,
  );
  await page.keyboard.press('Enter');
}

async function drive(page) {
  // now and then code-server serves its first page before it has read which extensions are installed; a reload then shows them
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    await page.goto(`http://127.0.0.1:${port}/?folder=${encodeURIComponent(project)}`);
    await page.waitForSelector('.monaco-workbench .explorer-folders-view', { timeout: 60000 });
    await open(page, 'misspelt.blueprint');
    const language = () => page.evaluate(() => document.querySelector('[id="status.editor.mode"]')?.textContent.trim());
    if (await eventually(async () => (await language()) === 'Blueprint', 10000)) {
      break;
    }
  }

  // ---- a misspelt dim
  const squiggles = (await eventually(async () => {
    const found = await reader.squiggles(page);
    return found.length > 0 && found;
  }, 60000)) || [];
  const word = await reader.place(page, 'hiden');
  const [squiggle] = squiggles;
  check('one squiggle', squiggles.length === 1, squiggles);
  const under =
    squiggle && word && Math.abs(squiggle.x - word.x) < 2 && Math.abs(squiggle.width - word.width) < 3 && squiggle.y < word.y + word.height && squiggle.y + squiggle.height > word.y;
  check('it stands under the misspelt dim', under === true, { squiggle, word });
  const keyword = await page.evaluate(() => {
    const span = [...document.querySelectorAll('.editor-instance .view-line span span')].find(s => s.textContent === 'blueprint');
    return span === undefined ? null : [getComputedStyle(span).color, getComputedStyle(span.closest('.view-lines')).color];
  });
  check('`blueprint` is coloured', keyword !== null && keyword[0] !== keyword[1], keyword);
  if (word === null) {
    return;
  }

  // ---- what hovering says
  await page.mouse.move(word.x + word.width / 2, word.y + word.height / 2);
  const hover = await eventually(() => page.evaluate(() => document.querySelector('.monaco-hover:not(.hidden) .hover-contents, .monaco-hover .hover-row')?.textContent));
  check('hovering says what is wrong', /hiden/.test(hover ?? '') && /E0101/.test(hover ?? ''), hover);
  await page.screenshot({ path: join(pictures, 'squiggle.png') });

  // ---- the quick fix
  await page.mouse.click(word.x + word.width / 2, word.y + word.height / 2);
  await page.keyboard.press('Control+.');
  const offered = await eventually(() => page.evaluate(() => document.querySelector('.action-widget')?.textContent));
  check('the quick fix is offered', /hidden/.test(offered ?? ''), offered);
  await page.screenshot({ path: join(pictures, 'quick-fix.png') });
  await page.keyboard.press('Enter');
  const repaired = await eventually(async () => (await reader.lines(page)).some(line => /Linear\(.*hidden\)/.test(line)));
  check('it repairs the line', repaired === true, await reader.lines(page));
  const clean = await eventually(async () => (await reader.squiggles(page)).length === 0);
  check('the squiggle goes away', clean === true, await reader.squiggles(page));

  // ---- inlay hints
  const hint = await eventually(async () => (await reader.lines(page)).find(line => /^\s*let h.*f32\[b, (hidden|16)\].*=/.test(line)));
  check('an inlay hint shows the shape of `h`', typeof hint === 'string', await reader.lines(page));
  await page.screenshot({ path: join(pictures, 'repaired.png') });
  await page.keyboard.press('Control+S');

  // ---- into the standard library
  const layer = await reader.place(page, 'Linear');
  await page.mouse.click(layer.x + layer.width / 2, layer.y + layer.height / 2);
  await page.keyboard.press('F12');
  const library = await eventually(async () => (await reader.lines(page)).some(line => line.startsWith('blueprint Linear(')));
  check('going to a definition opens the library', library === true, await reader.lines(page));

  // ---- the extension's commands
  await open(page, 'digits.blueprint');
  await command(page, 'Blueprint: Show the Graph');
  await page.waitForFunction(() => document.querySelector('.quick-input-list .monaco-list-row.focused')?.textContent.includes('predict'));
  await page.keyboard.press('Enter');
  const graph = await eventually(async () => {
    for (const frame of page.frames()) {
      const found = await frame.evaluate(() => document.querySelectorAll('svg g.node').length).catch(() => 0);
      if (found > 0) {
        return found;
      }
    }
    return 0;
  });
  check('the graph is drawn', graph >= 10, graph);
  await page.screenshot({ path: join(pictures, 'graph.png') });
  const lens = page.locator('.codelens-decoration a', { hasText: 'Run' });
  await lens.waitFor();
  await lens.click();
  const trained = await eventually(async () => existsSync(join(project, 'runs', 'digits-1', 'report.html')), 40000);
  check('the lens trains the network', trained === true, 'no runs/digits-1/report.html');

  // ---- checking as a task: what the problem matcher reads stands beside what the server says
  await open(page, 'misspelt.blueprint');
  await page.keyboard.press('Control+Z');
  await eventually(async () => (await reader.squiggles(page)).length === 1);
  const problems = () => page.evaluate(() => Number(document.querySelector('[id="status.problems"]')?.textContent.trim().split(/\s+/)[0]));
  const before = await problems();
  await command(page, 'Blueprint: Check This File');
  const matched = await eventually(async () => (await problems()) === before + 1);
  check('the problem matcher reads what `esperc check` says', matched === true, await problems());
  await command(page, 'Blueprint: Explain a Diagnostic');
  const explained = await eventually(async () => {
    for (const frame of page.frames()) {
      if (/E0101: an unknown name/.test(await frame.evaluate(() => document.body.textContent).catch(() => ''))) {
        return true;
      }
    }
    return false;
  });
  check('the diagnostic is explained', explained === true, page.frames().length);
  await page.screenshot({ path: join(pictures, 'explained.png') });
}

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
let page;
try {
  await eventually(() => fetch(`http://127.0.0.1:${port}/healthz`).then(answer => answer.ok, () => false), 60000);
  page = await browser.newPage({ viewport: { width: 1180, height: 620 } });
  page.setDefaultTimeout(60000);
  await drive(page);
} catch (error) {
  check('the session', false, error instanceof Error ? error.message : String(error));
  await page?.screenshot({ path: join(pictures, 'failed.png') }).catch(() => {});
  console.log(readFileSync(join(folder, 'code-server.log'), 'utf8').split('\n').slice(-20).join('\n'));
} finally {
  await browser.close();
  stop();
  await new Promise(resolve => setTimeout(resolve, 500));
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}
process.exit(failures === 0 ? 0 : 1);
