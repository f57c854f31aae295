// The long explanation of a diagnostic's code, as rendered Markdown.
import * as vscode from 'vscode';
import { compilerPath, output } from './compiler';

const SCHEME = 'blueprint-explanation';
const texts = new Map<string, string>();
let provider: vscode.Disposable | undefined;

/** The codes of the diagnostics of the file in front, those under the cursor first. */
function codes(): string[] {
  const editor = vscode.window.activeTextEditor;
  if (editor === undefined) {
    return [];
  }
  const diagnostics = vscode.languages.getDiagnostics(editor.document.uri);
  const here = diagnostics.filter(diagnostic => diagnostic.range.intersection(editor.selection) !== undefined);
  const code = ({ code }: vscode.Diagnostic) => String(typeof code === 'object' ? code.value : (code ?? ''));
  const found = (here.length > 0 ? here : diagnostics).map(code);
  return [...new Set(found)].filter(code => /^[A-Z]+\d+$/.test(code));
}

/** Explains a code: the given one, the one under the cursor, or one of the file's. */
export async function explain(context: vscode.ExtensionContext, given?: unknown): Promise<void> {
  const esperc = compilerPath(context);
  if (esperc === undefined) {
    return;
  }
  const known = typeof given === 'string' ? [given] : codes();
  const code =
    known.length === 1
      ? known[0]
      : known.length > 1
        ? await vscode.window.showQuickPick(known, { title: 'Which diagnostic?' })
        : await vscode.window.showInputBox({ title: 'The code of a diagnostic', placeHolder: 'E0301' });
  if (code === undefined || code === '') {
    return;
  }
  try {
    texts.set(code, await output(esperc, ['explain', code], undefined));
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    return;
  }
  if (provider === undefined) {
    provider = vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: uri => texts.get(uri.path.slice(1).replace(/\.md$/, '')) ?? '',
    });
    context.subscriptions.push(provider);
  }
  await vscode.commands.executeCommand('markdown.showPreviewToSide', vscode.Uri.from({ scheme: SCHEME, path: `/${code}.md` }));
}
