import * as vscode from 'vscode';
import { type FoundApp, toWindtunnelError } from '../../../emulator/contract/index.ts';
import type { Finder } from '../../../emulator/find/finder.ts';
import type { KnownApp } from '../../core/app-tree.ts';
import { Debounced } from '../../platform/timers.ts';
import type { Emulators } from '../emulator/emulators.ts';

const PYTHON = '**/*.py';
/** Never an app's own source, and large. */
const EXCLUDED = '**/{node_modules,.venv,venv,site-packages,__pycache__,.git}/**';
const MAX_FILES = 5_000;
// Saves come in bursts, of a formatter and of the user. ms.
const SETTLE_MS = 150;

/** The apps in the source of this window's folders, kept true as files change, joined with those that run. */
export class WorkspaceApps implements vscode.Disposable {
  private readonly emulators: Emulators;
  private readonly finder: () => Promise<Finder>;
  private readonly log: vscode.LogOutputChannel;
  private readonly byFile = new Map<string, FoundApp[]>();
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
  }

  /** Reads the folders on the first call. */
  async ready(): Promise<void> {
    this.scanned ??= this.begin();
    await this.scanned;
  }

  async rescan(): Promise<void> {
    this.byFile.clear();
    await this.scan();
  }

  /** Reads a file that was written a moment ago, ahead of the watcher. */
  async look(file: string): Promise<void> {
    await this.ready();
    await this.read(file);
    this.changed.fire();
  }

  list(): KnownApp[] {
    const several = (vscode.workspace.workspaceFolders?.length ?? 0) > 1;
    return [...this.byFile.values()].flat().map((found) => this.known(found, several));
  }

  /** The apps of one file, as it was last saved. */
  inFile(file: string): KnownApp[] {
    return this.list().filter(({ found }) => found.file === file);
  }

  dispose(): void {
    this.settle.dispose();
    this.changed.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async begin(): Promise<void> {
    const watcher = vscode.workspace.createFileSystemWatcher(PYTHON);
    const touch = ({ fsPath }: vscode.Uri) => {
      this.touched.add(fsPath);
      this.settle.trigger();
    };
    this.subscriptions.push(
      watcher,
      watcher.onDidCreate(touch),
      watcher.onDidChange(touch),
      watcher.onDidDelete(touch),
      vscode.workspace.onDidChangeWorkspaceFolders(() => void this.rescan()),
      this.emulators.onDidChange(() => this.changed.fire()),
    );
    await this.scan();
  }

  private async scan(): Promise<void> {
    for (const folder of vscode.workspace.workspaceFolders ?? []) this.emulators.of(folder.uri.fsPath);
    const files = await vscode.workspace.findFiles(PYTHON, EXCLUDED, MAX_FILES);
    if (files.length === MAX_FILES) this.log.warn(`Only the first ${MAX_FILES} Python files were looked at.`);
    for (const file of files) await this.read(file.fsPath);
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
      if (apps.length > 0) this.byFile.set(file, apps);
      else this.byFile.delete(file);
    } catch (thrown) {
      this.byFile.delete(file);
      const error = toWindtunnelError(thrown);
      // Removed between its event and now, as a rename does.
      if (error.code !== 'E_FILE_UNREADABLE') this.log.error(`${file}: ${error.message}`);
    }
  }

  private known(found: FoundApp, several: boolean): KnownApp {
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
