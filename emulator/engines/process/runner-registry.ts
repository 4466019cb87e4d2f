import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod/mini';
import { killMarked, processStart } from './processes.ts';

const RecordSchema = z.object({
  id: z.string(),
  app: z.string(),
  /** Folder of its sockets. */
  dir: z.string(),
  emulator: z.object({ pid: z.number(), start: z.nullable(z.string()) }),
  agent: z.object({ pid: z.number(), start: z.nullable(z.string()) }),
});
export type RunnerRecordFile = z.infer<typeof RecordSchema>;

/** Runners of this workspace on disk, so that the next emulator can remove what a killed one left. */
export class RunnerRegistry {
  private readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  async add(record: RunnerRecordFile): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const file = this.file(record.id);
    // Renamed into place: a sweep must never read half a record.
    await writeFile(`${file}.new`, JSON.stringify(record), { mode: 0o600 });
    await rename(`${file}.new`, file);
  }

  async remove(id: string): Promise<void> {
    await rm(this.file(id), { force: true });
  }

  /** Kills what a dead emulator's runners left running and removes their folders; one line for each runner. */
  async sweep(): Promise<string[]> {
    const removed: string[] = [];
    for (const name of await this.names()) {
      const file = path.join(this.folder, name);
      const record = await this.read(file);
      if (record) {
        if (await isAlive(record.emulator)) continue;
        const agent = (await isAlive(record.agent)) ? record.agent.pid : null;
        const killed = await killMarked(record.id, agent);
        await rm(record.dir, { recursive: true, force: true });
        removed.push(`runner ${record.id} of ${record.app}: ${killed} process${killed === 1 ? '' : 'es'} killed`);
      }
      await rm(file, { force: true });
    }
    return removed;
  }

  /** Folders of the runners that have a record. */
  async dirs(): Promise<string[]> {
    const records = await Promise.all((await this.names()).map((name) => this.read(path.join(this.folder, name))));
    return records.flatMap((record) => (record ? [record.dir] : []));
  }

  private async names(): Promise<string[]> {
    try {
      return await readdir(this.folder);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }

  private async read(file: string): Promise<RunnerRecordFile | null> {
    try {
      return z.parse(RecordSchema, JSON.parse(await readFile(file, 'utf8')));
    } catch {
      return null; // Half a record of an emulator that died while it wrote: its runner was never started.
    }
  }

  private file(id: string): string {
    return path.join(this.folder, `${id}.json`);
  }
}

async function isAlive(process: { pid: number; start: string | null }): Promise<boolean> {
  const start = await processStart(process.pid);
  return start !== null && start === process.start;
}
