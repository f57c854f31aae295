// Where `esperc` is, and running it.
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import * as vscode from 'vscode';

const EXECUTABLE = process.platform === 'win32' ? 'esperc.exe' : 'esperc';

/** An `esperc` that was found, or why none was. */
export type Found = { path: string } | { problem: string };

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The compiler: the setting, the one packed with the extension, the one on `PATH`. */
export function findCompiler(context: vscode.ExtensionContext): Found {
  const setting = vscode.workspace.getConfiguration('blueprint').get<string>('server.path', '').trim();
  if (setting !== '') {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    const path = setting.replace(/^~(?=[/\\])/, homedir()).replaceAll('${workspaceFolder}', folder);
    return isExecutable(path) ? { path } : { problem: `The setting blueprint.server.path names ${path}, which is no program.` };
  }
  const packed = context.asAbsolutePath(join('server', EXECUTABLE));
  if (existsSync(packed)) {
    return { path: packed };
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter(folder => folder !== '');
  const path = [...folders, join(homedir(), '.cargo', 'bin')].map(folder => join(folder, EXECUTABLE)).find(isExecutable);
  return path === undefined ? { problem: 'There is no esperc on PATH.' } : { path };
}

/** The editor's environment with the additions of the settings. */
export function environment(): Record<string, string> {
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(inherited), ...vscode.workspace.getConfiguration('blueprint').get<Record<string, string>>('server.extraEnv', {}) };
}

/** Says that the compiler is missing and offers what helps. */
export async function reportMissing(problem: string): Promise<void> {
  const settings = 'Open Settings';
  const remedy = 'Build it with `cargo install --path compiler/esperc` in the Esper project, or set its path.';
  if ((await vscode.window.showErrorMessage(`${problem} ${remedy}`, settings)) === settings) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'blueprint.server.path');
  }
}

/** The compiler's path; says so and gives nothing where there is none. */
export function compilerPath(context: vscode.ExtensionContext): string | undefined {
  const found = findCompiler(context);
  if ('problem' in found) {
    void reportMissing(found.problem);
    return undefined;
  }
  return found.path;
}

/** Runs the compiler and gives what it printed; throws what it said when it fails. */
export function output(path: string, args: string[], folder: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: environment(), maxBuffer: 256 * 1024 * 1024 };
    execFile(path, ['--color', 'never', ...args], options, (error, stdout, stderr) => {
      if (error === null) {
        resolve(stdout);
      } else {
        reject(new Error(stderr.trim() || error.message));
      }
    });
  });
}
