import * as vscode from 'vscode';

const SCHEME = 'windtunnel-diff';

/** One file of a diff: its name, and the text of each side. */
export interface DiffFile {
  name: string;
  left: string;
  right: string;
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
    // One path for both sides: another would be shown as a rename.
    const uri = (side: string, name: string, text: string) => {
      const made = vscode.Uri.from({ scheme: SCHEME, path: `/${name}`, query: `${this.count} ${side}` });
      this.texts.set(made.toString(), text);
      return made;
    };
    const resources = files.map(({ name, left, right }) => {
      const after = uri('after', name, right);
      return [after, uri('before', name, left), after];
    });
    await vscode.commands.executeCommand('vscode.changes', title, resources);
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}
