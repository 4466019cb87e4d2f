import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sourcePayload, TestBed } from './testing.ts';

let bed: TestBed;
beforeAll(async () => {
  bed = await TestBed.make();
});
afterAll(() => bed.dispose());

const APP = `
import gc
import weakref

import fal


class Model:
    def __init__(self):
        self.hook = self.run  # a cycle, as those of accelerate's hooks

    def run(self): ...


class App(fal.App):
    def setup(self):
        self.model = Model()

    @fal.endpoint("/")
    def swap(self) -> dict:
        old = weakref.ref(self.model)
        self.model = Model()
        gc.collect()
        return {"freed": old() is None, "imports": gc.get_freeze_count() > 10_000, "on": gc.isenabled()}
`;

it('a model of setup() that is swapped is collected; only what was imported is the collector spared', async () => {
  const file = path.join(bed.folder, 'swap.py');
  await writeFile(file, APP);
  const runner = await bed.start(bed.spec(sourcePayload(file, 'App')));
  await runner.handle.ready;
  expect(JSON.parse((await runner.call('/', {})).text)).toEqual({ freed: true, imports: true, on: true });
  await runner.handle.stop(5);
});
