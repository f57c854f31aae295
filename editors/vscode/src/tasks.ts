// Checking and training as tasks, whose messages the problem matcher reads.
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import { compilerPath, environment } from './compiler';

interface Definition extends vscode.TaskDefinition {
  command: 'check' | 'run';
  file: string;
  train?: string;
}

function task(esperc: string, definition: Definition): vscode.Task {
  const { command, file, train } = definition;
  const args = ['--message-format', 'short', command, file, ...(train === undefined ? [] : [train])];
  const scope = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file)) ?? vscode.TaskScope.Workspace;
  const cwd = typeof scope === 'object' ? scope.uri.fsPath : dirname(file);
  const name = `${command} ${basename(file)}${train === undefined ? '' : ` ${train}`}`;
  const execution = new vscode.ProcessExecution(esperc, args, { cwd, env: environment() });
  const made = new vscode.Task(definition, scope, name, 'esperc', execution, '$esperc');
  made.group = command === 'check' ? vscode.TaskGroup.Build : vscode.TaskGroup.Test;
  made.presentationOptions = { clear: true, reveal: command === 'run' ? vscode.TaskRevealKind.Always : vscode.TaskRevealKind.Silent };
  return made;
}

/** Tasks for the file that is open, and for those that tasks.json names. */
export class EspercTasks implements vscode.TaskProvider {
  constructor(private readonly context: vscode.ExtensionContext) {}

  provideTasks(): vscode.Task[] {
    const document = activeBlueprint();
    const esperc = document === undefined ? undefined : compilerPath(this.context);
    if (document === undefined || esperc === undefined) {
      return [];
    }
    const file = document.uri.fsPath;
    return [task(esperc, { type: 'esperc', command: 'check', file }), task(esperc, { type: 'esperc', command: 'run', file })];
  }

  resolveTask(given: vscode.Task): vscode.Task | undefined {
    const esperc = compilerPath(this.context);
    return esperc === undefined ? undefined : task(esperc, given.definition as Definition);
  }
}

/** The blueprint in front, if it is a file. */
export function activeBlueprint(): vscode.TextDocument | undefined {
  const document = vscode.window.activeTextEditor?.document;
  return document?.languageId === 'blueprint' && document.uri.scheme === 'file' ? document : undefined;
}

/** The blueprint in front, saved; says what is missing where there is none. */
export async function savedBlueprint(): Promise<vscode.TextDocument | undefined> {
  const document = activeBlueprint();
  if (document === undefined) {
    void vscode.window.showInformationMessage('Open a .blueprint file first.');
    return undefined;
  }
  return !document.isDirty || (await document.save()) ? document : undefined;
}

/** Checks the file in front. */
export async function check(context: vscode.ExtensionContext): Promise<void> {
  const document = await savedBlueprint();
  const esperc = compilerPath(context);
  if (document !== undefined && esperc !== undefined) {
    await vscode.tasks.executeTask(task(esperc, { type: 'esperc', command: 'check', file: document.uri.fsPath }));
  }
}

/** The names of the experiments that a text declares. */
export function experiments(text: string): string[] {
  return [...text.matchAll(/^\s*train\s+([A-Za-z_][A-Za-z0-9_]*)/gm)].map(match => match[1]);
}

/** Trains: the experiment that a lens names, else one of the file in front. */
export async function run(context: vscode.ExtensionContext, uri?: unknown, name?: unknown): Promise<void> {
  let file: string;
  if (typeof uri === 'string') {
    file = vscode.Uri.parse(uri, true).fsPath;
    await vscode.workspace.textDocuments.find(document => document.uri.fsPath === file && document.isDirty)?.save();
  } else {
    const document = await savedBlueprint();
    if (document === undefined) {
      return;
    }
    file = document.uri.fsPath;
  }
  let train = typeof name === 'string' ? name : undefined;
  if (train === undefined) {
    const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(vscode.Uri.file(file)));
    const names = experiments(text);
    train = names.length > 1 ? await vscode.window.showQuickPick(names, { title: 'Which experiment?' }) : names[0];
    if (train === undefined) {
      if (names.length === 0) {
        void vscode.window.showInformationMessage(`${basename(file)} has no \`train\`.`);
      }
      return;
    }
  }
  const esperc = compilerPath(context);
  if (esperc !== undefined) {
    await vscode.tasks.executeTask(task(esperc, { type: 'esperc', command: 'run', file, train }));
  }
}
