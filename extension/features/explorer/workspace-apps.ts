import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { type FoundApp, toWindtunnelError } from '../../../emulator/contract/index.ts';
import type { Finder } from '../../../emulator/find/finder.ts';
import type { KnownApp } from '../../core/app-tree.ts';
import { Debounced } from '../../platform/timers.ts';
import type { Emulators } from '../emulator/emulators.ts';

const PYTHON = '**/*.py';
/** Never an app's own source, and large. */
const LEFT_OUT = ['node_modules', '.venv', 'venv', 'site-packages', '__pycache__', '.git', '.windtunnel'];
const EXCLUDED = `**/{${LEFT_OUT.join(',')}}/**`;
const MAX_FILES = 5_000;
// Saves come in bursts, of a formatter and of the user. ms.
const SETTLE_MS = 150;

/**
 * The apps in the source of this window, joined with those that run. A file that is open counts as it stands in the editor, saved or
 * not; the others as they are on disk, kept true as they change.
 */
export class WorkspaceApps implements vscode.Disposable {
  private readonly emulators: Emulators;
  private readonly finder: () => Promise<Finder>;
  private readonly log: vscode.LogOutputChannel;
  private readonly saved = new Map<string, FoundApp[]>();
  private readonly open = new Map<string, FoundApp[]>();
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[] = [];
  private readonly touched = new Set<string>();
  private readonly settle = new Debounced(SETTLE_MS, () => void this.readTouched());
  private scanned: Promise<void> | null = null;

  readonly onDidChange = this.changed.event;

  constructor(emulators: Emulators, finder: () => Promise<Finder>, log: vscode.LogOutputChannel) {
    this.emulators = emulators;
    this.finder = finder;
    this.log = log;
    this.subscriptions.push(
      vscode.workspace.onDidOpenTextDocument((document) => void this.readOpen(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => void this.readOpen(document)),
      vscode.workspace.onDidCloseTextDocument((document) => void this.forgetOpen(document)),
      emulators.onDidChange(() => this.changed.fire()),
    );
    for (const document of vscode.workspace.textDocuments) void this.readOpen(document);
  }

  /** Reads the folders on the first call. */
  async ready(): Promise<void> {
    this.scanned ??= this.begin();
    await this.scanned;
  }

  async rescan(): Promise<void> {
    this.scanned = this.scanned ? this.scan() : this.begin();
    await this.scanned;
  }

  /** Those below this window's folders. */
  list(): KnownApp[] {
    const files = new Set([...this.saved.keys(), ...[...this.open.keys()].filter(isOfWindow)]);
    return [...files].flatMap((file) => this.inFile(file));
  }

  /** The apps of one file. */
  inFile(file: string): KnownApp[] {
    return (this.open.get(file) ?? this.saved.get(file) ?? []).map((found) => this.known(found));
  }

  /** The same, without waiting for the rest of the folders where the file is open, and as its text is now. */
  async lookInto(file: string): Promise<KnownApp[]> {
    const document = openDocument(file);
    if (document) await this.readOpen(document);
    else await this.ready();
    return this.inFile(file);
  }

  /** Files with an app, also those that are open from elsewhere. */
  files(): string[] {
    const all = new Map([...this.saved, ...this.open]);
    return [...all].flatMap(([file, apps]) => (apps.length > 0 ? [file] : [])).sort();
  }

  dispose(): void {
    this.settle.dispose();
    this.changed.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async begin(): Promise<void> {
    const watcher = vscode.workspace.createFileSystemWatcher(PYTHON);
    const touch = ({ fsPath }: vscode.Uri) => {
      if (!isOfWindow(fsPath)) return;
      this.touched.add(fsPath);
      this.settle.trigger();
    };
    this.subscriptions.push(
      watcher,
      watcher.onDidCreate(touch),
      watcher.onDidChange(touch),
      watcher.onDidDelete(touch),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.rescan()),
    );
    await this.scan();
  }

  private async scan(): Promise<void> {
    for (const folder of vscode.workspace.workspaceFolders ?? []) this.emulators.of(folder.uri.fsPath);
    const before = [...this.saved.keys()];
    const files = await vscode.workspace.findFiles(PYTHON, EXCLUDED, MAX_FILES);
    if (files.length === MAX_FILES) this.log.warn(`Only the first ${MAX_FILES} Python files were looked at.`);
    const found = new Set(files.map(({ fsPath }) => fsPath));
    // Also what is open and may be gone from the disk since.
    for (const file of [...found, ...this.open.keys()]) if (isOfWindow(file)) await this.read(file);
    for (const file of before) if (!found.has(file)) this.saved.delete(file);
    this.changed.fire();
  }

  private async readTouched(): Promise<void> {
    const files = [...this.touched];
    this.touched.clear();
    for (const file of files) await this.read(file);
    this.changed.fire();
  }

  private async read(file: string): Promise<void> {
    try {
      const finder = await this.finder();
      const apps = await finder.findInFile(file);
      if (apps.length > 0) this.saved.set(file, apps);
      else this.saved.delete(file);
    } catch (thrown) {
      this.saved.delete(file);
      // Not by the code of the error: the finder is a bundle of its own, whose errors are of another class.
      if (existsSync(file)) return this.log.error(`${file}: ${toWindtunnelError(thrown).message}`);
      // Removed, as by a rename: the editor may keep its text for a while.
      const document = openDocument(file);
      if (document) await this.readOpen(document);
    }
  }

  private async readOpen(document: vscode.TextDocument): Promise<void> {
    if (!isSource(document)) return;
    const file = document.uri.fsPath;
    const { version } = document;
    const found = (await this.finder()).findInSource(document.getText(), file);
    // What was typed or closed meanwhile has its own call.
    if (document.isClosed || document.version !== version) return;
    const before = JSON.stringify(this.open.get(file));
    // The text of a file that was removed counts where it was never saved.
    if (document.isDirty || existsSync(file)) this.open.set(file, found);
    else this.open.delete(file);
    if (JSON.stringify(this.open.get(file)) !== before) this.changed.fire();
  }

  private async forgetOpen(document: vscode.TextDocument): Promise<void> {
    const file = document.uri.fsPath;
    if (!this.open.has(file)) return;
    // As it is on disk, in case the watcher missed that it was written.
    if (this.scanned && isOfWindow(file)) await this.read(file);
    // Unless it was opened again meanwhile.
    if (!openDocument(file)) this.open.delete(file);
    this.changed.fire();
  }

  private known(found: FoundApp): KnownApp {
    const several = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
    const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(found.file));
    const session = this.emulators.of(found.file);
    const live =
      session.status?.apps.find(({ file, symbol }) => file === found.file && symbol === found.symbol) ?? null;
    return {
      found,
      folder: several ? (folder?.name ?? null) : null,
      relativePath: vscode.workspace.asRelativePath(found.file, false),
      live,
      requests: live ? session.requests.of(live.id) : [],
    };
  }
}

const isSource = ({ languageId, uri }: vscode.TextDocument): boolean =>
  languageId === 'python' && uri.scheme === 'file';

const openDocument = (file: string): vscode.TextDocument | undefined =>
  vscode.workspace.textDocuments.find((document) => isSource(document) && document.uri.fsPath === file);

/** Below a folder of this window, and its own source. */
function isOfWindow(file: string): boolean {
  const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(file));
  if (!folder) return false;
  return !path
    .relative(folder.uri.fsPath, file)
    .split(path.sep)
    .some((part) => LEFT_OUT.includes(part));
}
