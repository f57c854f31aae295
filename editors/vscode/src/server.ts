// The language server's life: start, state in the status bar, restart.
import * as vscode from 'vscode';
import { LanguageClient, type LanguageClientOptions, type ServerOptions, State } from 'vscode-languageclient/node';
import { environment, findCompiler, reportMissing } from './compiler';

/** The connection to `esperc lsp`. */
export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private readonly log = vscode.window.createOutputChannel('Blueprint', { log: true });
  private readonly status = vscode.languages.createLanguageStatusItem('blueprint.server', { language: 'blueprint' });
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly context: vscode.ExtensionContext) {
    this.status.name = 'Blueprint language server';
    this.show('stopped', vscode.LanguageStatusSeverity.Information);
  }

  private show(state: string, severity: vscode.LanguageStatusSeverity, busy = false): void {
    this.status.text = `Blueprint: ${state}`;
    this.status.severity = severity;
    this.status.busy = busy;
    this.status.command = { command: 'blueprint.restartServer', title: 'Restart' };
  }

  /** Starts the server; says what is wrong where that fails. */
  start(): Promise<void> {
    this.running = this.running.then(() => this.startNow());
    return this.running;
  }

  private async startNow(): Promise<void> {
    const found = findCompiler(this.context);
    if ('problem' in found) {
      this.show('no esperc', vscode.LanguageStatusSeverity.Error);
      this.status.detail = found.problem;
      void reportMissing(found.problem);
      return;
    }
    this.status.detail = found.path;
    this.show('starting', vscode.LanguageStatusSeverity.Information, true);
    const command: ServerOptions = { command: found.path, args: ['lsp'], options: { env: environment() } };
    const options: LanguageClientOptions = {
      documentSelector: [{ language: 'blueprint' }],
      outputChannel: this.log,
      markdown: { isTrusted: false, supportHtml: false },
    };
    const client = new LanguageClient('blueprint', 'Blueprint', command, options);
    client.onDidChangeState(change => this.follow(client, change.newState));
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      this.show('failed', vscode.LanguageStatusSeverity.Error);
      this.log.error(`esperc lsp did not start: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private follow(client: LanguageClient, state: State): void {
    if (client !== this.client) {
      return;
    }
    if (state === State.Running) {
      const version = client.initializeResult?.serverInfo?.version;
      this.show(version === undefined ? 'running' : `running ${version}`, vscode.LanguageStatusSeverity.Information);
    } else if (state === State.Starting) {
      this.show('starting', vscode.LanguageStatusSeverity.Information, true);
    } else {
      this.show('stopped', vscode.LanguageStatusSeverity.Warning);
    }
  }

  /** Stops the server and waits until it is gone. */
  stop(): Promise<void> {
    this.running = this.running.then(async () => {
      const client = this.client;
      this.client = undefined;
      await client?.dispose();
    });
    return this.running;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  dispose(): void {
    this.status.dispose();
    this.log.dispose();
  }
}
