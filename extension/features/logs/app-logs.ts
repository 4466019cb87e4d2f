import * as vscode from 'vscode';
import { eventLine } from '../../core/event-line.ts';
import type { Emulators } from '../emulator/emulators.ts';

/** One output channel for each app, with what its code printed and what became of its requests. Nothing pops up. */
export class AppLogs implements vscode.Disposable {
  private readonly emulators: Emulators;
  private readonly channels = new Map<string, vscode.LogOutputChannel>();
  private readonly subscription: vscode.Disposable;

  constructor(emulators: Emulators) {
    this.emulators = emulators;
    this.subscription = emulators.onEvent(({ event }) => {
      const line = eventLine(event);
      if (line) this.channel(line.app)[line.level](line.text);
    });
  }

  /** Opens the channel of the app that a file holds. */
  show(file: string): void {
    this.channelOf(file).show(true);
  }

  error(file: string, text: string): void {
    for (const line of text.trimEnd().split('\n')) this.channelOf(file).error(line);
  }

  dispose(): void {
    this.subscription.dispose();
    for (const channel of this.channels.values()) channel.dispose();
  }

  private channelOf(file: string): vscode.LogOutputChannel {
    const app = this.emulators.of(file).status?.apps.find((one) => one.file === file);
    return this.channel(app?.id ?? file.split('/').at(-1) ?? file);
  }

  private channel(name: string): vscode.LogOutputChannel {
    const known = this.channels.get(name);
    if (known) return known;
    const channel = vscode.window.createOutputChannel(`Windtunnel: ${name}`, { log: true });
    this.channels.set(name, channel);
    return channel;
  }
}
