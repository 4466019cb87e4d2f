import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A site on loopback: documents by path, `text/html` but for scripts. */
export class PageServer {
  readonly port: number;
  private readonly server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async start(pages: Readonly<Record<string, string>>): Promise<PageServer> {
    const server = createServer((req: IncomingMessage, res: ServerResponse) => {
      const path = (req.url ?? '/').replace(/\?.*$/, '');
      const text = pages[path];
      if (text === undefined) return void res.writeHead(404).end();
      const type = path.endsWith('.js') ? 'text/javascript' : 'text/html';
      res.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new PageServer(server);
  }

  /** The same site under any name that leads to this machine. */
  url(host = 'localhost'): string {
    return `http://${host}:${this.port}`;
  }

  async dispose(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
