import { describe, expect, it } from 'vitest';
import { AppSettingsSchema, type FoundApp } from '../../emulator/contract/index.ts';
import { machineText, machineTypeAt, suggestions } from './python-editing.ts';

const here = { memoryBytes: 16e9, cpus: 8, gpus: null };
const app: FoundApp = {
  file: '/w/app.py',
  symbol: 'A',
  kind: 'app',
  name: 'a',
  lines: { start: 4, end: 9 },
  endpoints: [],
  settings: AppSettingsSchema.parse({}),
  unresolved: [],
};
const labels = (line: number, before: string) => suggestions([app], line, before).map(({ label }) => label);

describe('a machine type', () => {
  it('tells what it has at fal, and what this machine has', () => {
    expect(machineText('gpu-h100', here)).toContain('80 GB of GPU memory');
    expect(machineText('S', here)).toContain('1 CPU, 1 GB of memory');
    expect(machineText('S', here)).toContain('8 CPUs and 16 GB');
    expect(machineText('S', here)).not.toContain('GPU');
    expect(machineText('GPU-X', here)).toBeNull();
  });

  it('tells the GPUs of this machine once an emulator has looked', () => {
    const text = (gpus: string[] | null) => machineText('GPU-H100', { ...here, gpus });
    expect(text(null)).toContain('Its GPUs: [Doctor]');
    expect(text([])).toContain('It has no GPU');
    expect(text(['Card (24 GB)', 'Card (24 GB)'])).toContain('Its GPUs: Card (24 GB), Card (24 GB).');
  });

  it('is found under the cursor in a list, and only where one is set', () => {
    const line = '    machine_type = ["GPU-H100", "GPU-A100"]';
    expect(machineTypeAt(line, line.indexOf('A100'))?.name).toBe('GPU-A100');
    expect(machineTypeAt(line, 6)).toBeNull();
    expect(machineTypeAt('    name = "GPU-H100"', 14)).toBeNull();
  });
});

describe('suggestions', () => {
  it('are attributes in the body of an app, and nowhere else', () => {
    expect(labels(6, '    kee')).toContain('keep_alive');
    expect(labels(6, '        kee')).toEqual([]);
    expect(labels(2, '    kee')).toEqual([]);
  });

  it('are machine types inside the string of one', () => {
    expect(labels(6, '    machine_type = "GPU-')).toContain('GPU-H100');
    expect(labels(6, '    machine_type = ["S", "')).toContain('M');
  });
});
