// The entry point: starts the language server and registers the commands and tasks.
import * as vscode from 'vscode';
import { explain } from './explanations';
import { showGraph } from './graph';
import { Server } from './server';
import { check, EspercTasks, run } from './tasks';

let server: Server | undefined;

/** What the tests of the extension, and other extensions, can ask for. */
export interface Api {
  /** Resolves once the language server answers. */
  ready(): Promise<void>;
}

export async function activate(context: vscode.ExtensionContext): Promise<Api> {
  server = new Server(context);
  const commands: [string, (...args: never[]) => unknown][] = [
    ['blueprint.check', () => check(context)],
    ['blueprint.run', (file?: unknown, train?: unknown) => run(context, file, train)],
    ['blueprint.showGraph', () => showGraph(context)],
    ['blueprint.explain', (code?: unknown) => explain(context, code)],
    ['blueprint.restartServer', () => server?.restart()],
  ];
  for (const [name, action] of commands) {
    context.subscriptions.push(vscode.commands.registerCommand(name, action));
  }
  context.subscriptions.push(
    server,
    vscode.tasks.registerTaskProvider('esperc', new EspercTasks(context)),
    vscode.workspace.onDidChangeConfiguration(change => {
      if (change.affectsConfiguration('blueprint.server')) {
        void server?.restart();
      }
    }),
  );
  const started = server.start();
  return { ready: () => started };
}

export async function deactivate(): Promise<void> {
  await server?.stop();
}
