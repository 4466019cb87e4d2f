import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { findWorkspace } from '../../../emulator/client/workspace.ts';
import { thisHost } from '../../platform/host.ts';
import { EmulatorSession, type SessionEvent } from './emulator-session.ts';

/** An event of one of the window's emulators. */
export type Happened = SessionEvent & { session: EmulatorSession };

/** The emulators of this window: one for each workspace that its folders and files belong to. */
export class Emulators implements vscode.Disposable {
  private readonly emulatorJs: string;
  private readonly sessions = new Map<string, { session: EmulatorSession; subscriptions: vscode.Disposable }>();
  private readonly changed = new vscode.EventEmitter<EmulatorSession>();
  private readonly happened = new vscode.EventEmitter<Happened>();

  readonly onDidChange = this.changed.event;
  readonly onEvent = this.happened.event;

  constructor(emulatorJs: string) {
    this.emulatorJs = emulatorJs;
  }

  get all(): EmulatorSession[] {
    return [...this.sessions.values()].map(({ session }) => session);
  }

  /** The session of the workspace that a file or folder belongs to, by the rule of the CLI; apps below an opened folder share its emulator. */
  of(path: string): EmulatorSession {
    const opened = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(path))?.uri.fsPath;
    const workspace = findWorkspace(thisHost(), existing(path), opened);
    const known = this.sessions.get(workspace);
    if (known) return known.session;
    const session = new EmulatorSession(workspace, this.emulatorJs);
    const subscriptions = vscode.Disposable.from(
      session.onDidChange(() => this.changed.fire(session)),
      session.onEvent((event) => this.happened.fire({ session, ...event })),
    );
    this.sessions.set(workspace, { session, subscriptions });
    void session.find();
    return session;
  }

  dispose(): void {
    for (const { session, subscriptions } of this.sessions.values()) {
      subscriptions.dispose();
      session.dispose();
    }
    this.changed.dispose();
    this.happened.dispose();
  }
}

/** A file that was removed a moment ago belongs where it was. */
const existing = (path: string): string => (existsSync(path) ? path : existing(dirname(path)));
