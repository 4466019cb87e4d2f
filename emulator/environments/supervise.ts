/**
 * Python that runs a command and kills its process group as soon as stdin ends. Stdin is a pipe that this process holds,
 * so that an installer does not go on downloading after the emulator was killed.
 */
const SUPERVISOR = `
import os, signal, subprocess, sys, threading

def watch():
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)

child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
threading.Thread(target=watch, daemon=True).start()
code = child.wait()
os._exit(code if code >= 0 else 128 - code)
`;

/** `argv` under the supervisor; `python` may be any that starts. */
export function supervised(python: string, argv: readonly string[]): string[] {
  return [python, '-I', '-S', '-c', SUPERVISOR, ...argv];
}
