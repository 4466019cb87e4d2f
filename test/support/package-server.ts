import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { testPython } from './python.ts';

const WHEEL = 'held_package-1.0-py3-none-any.whl';
const MAKE_WHEEL = `
import sys, zipfile
info = "held_package-1.0.dist-info/"
files = {
    "held_package.py": "WORD = 'packed'\\n",
    info + "METADATA": "Metadata-Version: 2.1\\nName: held-package\\nVersion: 1.0\\n",
    info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    for name, text in {**files, info + "RECORD": "".join(name + ",,\\n" for name in files)}.items():
        wheel.writestr(name, text)
`;

/** Serves one package, `held-package`, whose `held_package.WORD` is "packed"; holds its downloads back when it is told to. */
export class PackageServer {
  holdsBack = false;
  /** Downloads that are held back. */
  readonly waiting: ServerResponse[] = [];
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  private readonly server: Server;

  private constructor(wheel: string) {
    this.server = createServer((request, response) => {
      this.asked.push(request.url ?? '');
      if (this.holdsBack) this.waiting.push(response);
      else response.end(readFileSync(wheel));
    });
  }

  /** `folder` keeps the wheel. */
  static async start(folder: string): Promise<PackageServer> {
    const wheel = path.join(folder, WHEEL);
    await promisify(execFile)(await testPython(), ['-c', MAKE_WHEEL, wheel]);
    const packages = new PackageServer(wheel);
    await new Promise<void>((resolve) => packages.server.listen(0, '127.0.0.1', resolve));
    return packages;
  }

  /** What to require; `folder` is part of the URL's path. */
  requirement(folder = ''): string {
    const { port } = this.server.address() as AddressInfo;
    return `held-package @ http://127.0.0.1:${port}/${folder === '' ? '' : `${folder}/`}${WHEEL}`;
  }

  async dispose(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
