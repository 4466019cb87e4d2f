export type Severity = 'debug' | 'info' | 'warn' | 'error';

/** The emulator's own log (not the app's). Sinks redact secrets. The variable part of a message comes last. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
  child(tag: string): Log;
}

/** A log over one sink function. */
export function createLog(
  sink: (severity: Severity, tag: string, message: string, fields?: Record<string, unknown>) => void,
  tag = '',
): Log {
  const at = (severity: Severity) => (message: string, fields?: Record<string, unknown>) =>
    sink(severity, tag, message, fields);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (name) => createLog(sink, tag ? `${tag}.${name}` : name),
  };
}

export const silentLog: Log = createLog(() => undefined);
