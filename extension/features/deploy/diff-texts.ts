import * as vscode from 'vscode';

const SCHEME = 'windtunnel-diff';

/** One file of a diff: its name, and the text or file of each side. */
export interface DiffFile {
  name: string;
  left: string;
  right: string | vscode.Uri;
}

/** Diffs of texts that are in no file, in VS Code's own editor for several of them. */
export class DiffTexts implements vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private count = 0;
  private readonly subscriptions = vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: (uri) => this.texts.get(uri.toString()) ?? '',
    }),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      if (uri.scheme === SCHEME) this.texts.delete(uri.toString());
    }),
  );

  async show(title: string, files: readonly DiffFile[]): Promise<void> {
    this.count += 1;
    const uri = (side: string, path: string, text: string | vscode.Uri) => {
      if (typeof text !== 'string') return text;
      const made = vscode.Uri.from({ scheme: SCHEME, path, query: `${this.count} ${side}` });
      this.texts.set(made.toString(), text);
      return made;
    };
    const resources = files.map(({ name, left, right }) => {
      // One path for both sides: another would be shown as a rename.
      const path = typeof right === 'string' ? `/${name}` : right.path;
      const after = uri('after', path, right);
      return [after, uri('before', path, left), after];
    });
    await vscode.commands.executeCommand('vscode.changes', title, resources);
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}
