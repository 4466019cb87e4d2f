import { execFile } from 'node:child_process';

// Prints what the interpreter says of a SyntaxError, as it would at an import, and nothing for a file that compiles.
const PROGRAM = `
import sys, traceback
path = sys.argv[1]
try:
    with open(path, "rb") as f:
        compile(f.read(), path, "exec", dont_inherit=True)
except (SyntaxError, ValueError) as e:
    sys.stdout.write("".join(traceback.format_exception_only(type(e), e)))
`;
const TIMEOUT_MS = 10_000;

/** What this Python says of a file that does not compile, null where it does. Runs none of the file's code. */
export function checkSyntax(python: string, file: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const options = { timeout: TIMEOUT_MS, encoding: 'utf8', env: { PYTHONIOENCODING: 'utf-8' } } as const;
    execFile(python, ['-I', '-S', '-c', PROGRAM, file], options, (error, stdout) => {
      if (error) reject(error);
      else resolve(stdout === '' ? null : stdout.trimEnd());
    });
  });
}
