/** A Debug Adapter Protocol message as it passes between editor and adapter. */
export interface ProtocolMessage {
  seq: number;
  type: string;
  command?: string;
  event?: string;
  request_seq?: number;
  success?: boolean;
  message?: string;
  arguments?: Record<string, unknown>;
  body?: Record<string, unknown>;
}

/** Which of debugpy's own settings a session has. */
export interface AttachSettings {
  justMyCode: boolean;
  /** Where sources stand that the emulator does not know of: those that an image brings. */
  pathMappings: readonly { localRoot: string; remoteRoot: string }[];
  /** Folders of our own code in the runner, which nobody debugs. */
  hidden: readonly string[];
}

/**
 * The way of the app is always that it comes to the adapter, whatever the editor calls it: `launch` and `attach` become debugpy's
 * `attach` with `listen`, and the answer goes back under the name that was asked for.
 */
export class DapRewrite {
  private readonly settings: AttachSettings;
  private readonly asked = new Map<number, string>();

  constructor(settings: AttachSettings) {
    this.settings = settings;
  }

  toAdapter(message: ProtocolMessage): ProtocolMessage {
    const { command, seq } = message;
    if (command === 'launch' || command === 'attach') {
      this.asked.set(seq, command);
      const listen = { host: '127.0.0.1', port: 0 };
      const { justMyCode, hidden, pathMappings } = this.settings;
      const rules = hidden.map((folder) => ({ path: `${folder}/**`, include: false }));
      return {
        ...message,
        command: 'attach',
        arguments: {
          listen,
          justMyCode,
          rules,
          pathMappings,
          subProcess: false,
          redirectOutput: true,
          showReturnValue: true,
        },
      };
    }
    // The app is stopped by the emulator, in its order: a debugger that kills it would run no teardown.
    if (command === 'disconnect') return { ...message, arguments: { ...message.arguments, terminateDebuggee: false } };
    return message;
  }

  toEditor(message: ProtocolMessage): ProtocolMessage {
    if (message.type !== 'response') return message;
    const command = this.asked.get(message.request_seq ?? -1);
    if (command !== undefined) return { ...message, command };
    if (message.command !== 'initialize') return message;
    // `disconnect` ends the app here; a `terminate` would have to be told apart from it.
    return { ...message, body: { ...message.body, supportsTerminateRequest: false, supportTerminateDebuggee: true } };
  }
}
