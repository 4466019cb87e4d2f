import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { importApp } from '../../emulator/import/import-app.ts';
import type { ImportedApp, PlatformName } from '../../emulator/import/platform.ts';
import type { PythonParser } from '../../emulator/import/syntax.ts';
import { testParser } from '../../emulator/import/testing/test-parser.ts';

// What a source says is known here because it is put together here: nothing of the importer reads it.

/** One statement of a module; `options` are names of arguments that say how an app runs. */
interface Piece {
  text: string;
  options: string[];
}

let parser: PythonParser;
beforeAll(async () => {
  parser = await testParser();
});

const plain = (...texts: string[]): fc.Arbitrary<Piece> =>
  fc.constantFrom(...texts).map((text) => ({ text, options: [] }));
const COMMON = [
  'import json',
  'import numpy as np',
  'from pathlib import Path',
  'SIZE = 3',
  'TABLE = np.zeros(3)',
  'def helper(a, b=2):\n    """Helps."""\n\n    return a + b',
  'class Plain:\n    # nothing in it\n    value = 1',
  'print("here")',
  'if SIZE_OF_ALL := 3:\n    LARGE = True',
  'try:\n    import torch\nexcept ImportError:\n    torch = None',
  'for number in range(2):\n    print(number)',
  'a, b = 1, 2; c = 3',
];

/** Some of the arguments, each once, in any order. */
const some = (given: Record<string, string>) => fc.shuffledSubarray(Object.keys(given));

const OPTIONS = {
  gpu: '"T4"',
  cpu: '2.0',
  memory: '1024',
  timeout: '60',
  max_containers: '3',
  min_containers: '1',
  scaledown_window: '30',
  retries: '2',
  schedule: 'modal.Period(days=1)',
  enable_memory_snapshot: 'True',
  something_new: '{"a": 1}',
};
const modalUnit = some(OPTIONS).map((options): Piece => {
  const given = options.map((name) => `${name}=${OPTIONS[name as keyof typeof OPTIONS]}`).join(', ');
  return { text: `@app.function(${given})\ndef unit(x: int = 1):\n    return x`, options };
});
const modalPiece = plain(
  ...COMMON,
  'volume = modal.Volume.from_name("v")',
  'counts = modal.Dict.from_name("d", create_if_missing=True)',
  'jobs = modal.Queue.from_name("q")',
  'image = modal.Image.debian_slim().pip_install("numpy")',
  'secret = modal.Secret.from_name("s")',
  'box = modal.Sandbox.create("ls")',
  '@app.local_entrypoint()\ndef main():\n    print(unit.remote(2))',
);
const START = {
  return_aggregate_stream: 'True',
  concurrency_modifier: 'lambda n: 2',
  refresh_worker: 'True',
  other: '1',
};
const runpodStart = some(START).map((options): Piece => {
  const more = options.map((name) => `, "${name}": ${START[name as keyof typeof START]}`).join('');
  return { text: `runpod.serverless.start({"handler": handler${more}})`, options };
});

/** Pieces in a file, with a comment or blank lines between them, and the line on which each begins. */
function fileOf(pieces: readonly Piece[], gap: string): { text: string; lines: number[] } {
  const lines: number[] = [];
  let text = '';
  for (const piece of pieces) {
    const count = text.split('\n').length;
    // Two statements on one line are two pieces of the source.
    for (const _ of piece.text.split('; ')) lines.push(count);
    text += `${piece.text}\n${gap}`;
  }
  return { text, lines };
}

const linesOf = ({ report }: ImportedApp, kind: string, file: string): number[] =>
  report.items
    .filter((item) => item.kind === kind && item.source.file === file)
    .map(({ source }) => source.line)
    .sort((a, b) => a - b);

function check(from: PlatformName, file: string, pieces: readonly Piece[], gap: string, beside: [string, string][]) {
  const { text, lines } = fileOf(pieces, gap);
  const files = new Map([[file, text], ...beside].map(([name, content]) => [name!, Buffer.from(content!)]));
  const app = importApp({ name: 'made', files, unread: [] }, { from, entry: file }, parser);
  expect(app.report.levels.BLOCKED, text).toBe(0);
  expect(linesOf(app, 'statement', file), text).toEqual(lines);
  for (const { outcome } of app.report.items) expect(['kept', 'mapped', 'reported']).toContain(outcome);
  const options = app.report.items.filter((item) => item.kind === 'option').map((item) => item.text);
  for (const name of pieces.flatMap((piece) => piece.options)) {
    const found = options.filter((option) => new RegExp(`^"?${name}"?\\s*[=:]`).test(option));
    expect(found.length, `${name} in\n${text}`).toBe(1);
  }
  return app;
}

const gaps = fc.constantFrom('', '\n\n', '# between\n');
const RUNS = { numRuns: 120, seed: 2026 };

it('Modal: each statement and each argument of a decorator is in the report once', () => {
  fc.assert(
    fc.property(fc.array(modalPiece, { maxLength: 8 }), modalUnit, fc.nat(8), gaps, (others, unit, at, gap) => {
      const first = [
        { text: 'import modal', options: [] },
        { text: 'app = modal.App("made")', options: [] },
      ];
      check('modal', 'app.py', [...first, ...others.toSpliced(at, 0, unit)], gap, []);
    }),
    RUNS,
  );
});

it('RunPod: each statement, each key of the start call and each instruction of the Dockerfile', () => {
  const instruction = fc.constantFrom(
    'RUN apt-get update && \\\n    apt-get install -y ffmpeg',
    'ENV A=1',
    'COPY handler.py /handler.py',
    'COPY . .',
    'WORKDIR /app',
    'RUN pip install runpod numpy',
    'CMD ["python", "-u", "/handler.py"]',
    'EXPOSE 80',
    'USER nobody',
    'ARG B=2',
  );
  fc.assert(
    fc.property(
      fc.array(plain(...COMMON), { maxLength: 6 }),
      runpodStart,
      fc.array(instruction, { maxLength: 6 }),
      gaps,
      (others, start, instructions, gap) => {
        const handler = { text: 'def handler(job):\n    return job["input"].get("x", 1)', options: [] };
        const docker = fileOf(
          ['FROM python:3.11-slim', ...instructions].map((text) => ({ text, options: [] })),
          gap,
        );
        const pieces = [{ text: 'import runpod', options: [] }, ...others, handler, start];
        const app = check('runpod', 'handler.py', pieces, gap, [['Dockerfile', docker.text]]);
        expect(linesOf(app, 'docker', 'Dockerfile'), docker.text).toEqual(docker.lines);
      },
    ),
    RUNS,
  );
});

it('Cog: each statement, and each key of cog.yaml', () => {
  const keys = {
    python_version: '"3.11"',
    gpu: 'true',
    cuda: '"12.1"',
    python_packages: '\n    - numpy==1.26.4',
    system_packages: '\n    - ffmpeg',
    run: '\n    - echo ready',
    unheard_of: 'yes',
  };
  fc.assert(
    fc.property(fc.array(plain(...COMMON), { maxLength: 6 }), some(keys), gaps, (others, named, gap) => {
      const text = 'class Predictor(BasePredictor):\n    def predict(self, x: int = 1) -> int:\n        return x';
      const pieces = [{ text: 'from cog import BasePredictor', options: [] }, ...others, { text, options: [] }];
      const body = named.map((name) => `  ${name}: ${keys[name as keyof typeof keys]}\n`).join('');
      const yaml = `${named.length > 0 ? `build:\n${body}` : ''}predict: "predict.py:Predictor"\n`;
      const app = check('cog', 'predict.py', pieces, gap, [['cog.yaml', yaml]]);
      const rows = app.report.items.filter(({ source }) => source.file === 'cog.yaml').map(({ source }) => source.line);
      // Entries of its lists have rows of their own, below those of the keys.
      const lines = yaml.split('\n');
      const wanted = lines.flatMap((line, index) =>
        /^(?: {2})?\w+:/.test(line) && line !== 'build:' ? [index + 1] : [],
      );
      const found = rows.filter((line) => !lines[line - 1]!.trim().startsWith('-'));
      expect(
        found.sort((a, b) => a - b),
        yaml,
      ).toEqual(wanted);
    }),
    RUNS,
  );
});
