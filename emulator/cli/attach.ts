import type { ControlClient } from '../client/control-client.ts';
import { connectEmulator, findEmulator } from '../client/discover.ts';
import { workspacePaths } from '../client/paths.ts';
import { lockHolder } from '../client/registry.ts';
import { WindtunnelError } from '../contract/index.ts';
import { systemClock } from '../core/clock.ts';
import { startEmulator } from './compose.ts';
import type { Terminal } from './terminal.ts';

/** The emulator as one command uses it. */
export interface Attachment {
  client: ControlClient;
  url: string;
  /** It ran before this command. */
  joined: boolean;
  /** Resolves when an emulator of our own has ended. */
  ended: Promise<void>;
  /** What to undo in an emulator that stays. */
  onLeave(undo: () => Promise<void>): void;
  /** Ends an emulator of our own; undoes what was done in another's. */
  leave(): Promise<void>;
}

const START_MS = 30_000;

/** Joins the emulator of a workspace, or starts one in this process. Of two that start at once, one joins the other. */
export async function attachOrStart(terminal: Terminal, workspace: string, port: number | null): Promise<Attachment> {
  if (!findEmulator(terminal.host, workspace)) {
    const own = await startEmulator({ host: terminal.host, workspace, port, note: terminal.note });
    if (own) {
      const { client } = await connectEmulator(terminal.host, workspace);
      // What was registered ends with the emulator itself.
      return { client, url: own.url, joined: false, ended: own.ended, onLeave: () => undefined, leave: own.dispose };
    }
    await untilPublished(terminal, workspace);
  }
  const { client, entry } = await connectEmulator(terminal.host, workspace);
  refuseOtherPort(entry.url, port);
  const undo: (() => Promise<void>)[] = [];
  return {
    client,
    url: entry.url,
    joined: true,
    ended: new Promise(() => undefined),
    onLeave: (step) => void undo.push(step),
    leave: async () => {
      // Nothing to undo in an emulator that has ended meanwhile.
      if (findEmulator(terminal.host, workspace)) for (const step of undo) await step();
    },
  };
}

/** Throws E_PORT_TAKEN where the emulator that runs has another port than the one that was asked for. */
export function refuseOtherPort(url: string, port: number | null): void {
  if (port === null || port === 0 || Number(new URL(url).port) === port) return;
  throw new WindtunnelError('E_PORT_TAKEN', `The emulator of this workspace runs already, at ${url}.`, {
    hint: `Leave --port ${port} out to join it, or stop it first with \`windtunnel down\`.`,
    actions: ['windtunnel down'],
  });
}

/** Waits for an emulator that holds the lock and is starting still. Rejects with E_EMULATOR_DOWN when it gives up. */
export async function untilPublished(terminal: Terminal, workspace: string): Promise<void> {
  const paths = workspacePaths(terminal.host, workspace);
  const deadline = systemClock.monotonic() + START_MS;
  while (!findEmulator(terminal.host, workspace)) {
    const holder = lockHolder(paths);
    if (holder === null || systemClock.monotonic() > deadline) {
      throw new WindtunnelError(
        'E_EMULATOR_DOWN',
        `Another emulator for ${workspace} was starting and has not come up.`,
        {
          hint: 'Try again; `windtunnel doctor` shows what is wrong with the machine.',
        },
      );
    }
    await systemClock.sleep(50, terminal.interrupted);
  }
}
