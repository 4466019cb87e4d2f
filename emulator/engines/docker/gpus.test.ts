import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { DaemonFacts } from './daemon-facts.ts';
import { daemonGpus, daemonNames } from './gpus.ts';

// There is no GPU here: daemons are stood in for by what they say of themselves.
const uuid = 'GPU-5ad1f3c0-aaaa';
const card = { id: uuid, name: 'Card', vramBytes: 24e9, index: 1 };
const found = (...cards: { id: string; name: string; vramBytes: number | null; index?: number }[]) => ({
  cards,
  configured: false,
});
const facts = (more: Partial<DaemonFacts> = {}): DaemonFacts => ({
  kind: 'docker',
  version: '28.5',
  apiVersion: [1, 51],
  memoryBytes: 16e9,
  cpus: 4,
  platform: 'linux/amd64',
  runtimes: [],
  cdiDevices: [],
  cdi: false,
  sharesFiles: true,
  rootless: false,
  mtu: null,
  ...more,
});

let dev: string | null = null;
afterEach(() => {
  if (dev) rmSync(dev, { recursive: true });
  dev = null;
});

describe('a card of this machine has one id, whatever the daemon calls it', () => {
  it.each([
    ['by its UUID', [], uuid],
    ['by CDI and number', ['nvidia.com/gpu=1', `nvidia.com/gpu=${uuid}`], 'nvidia.com/gpu=1'],
    ['by CDI and UUID', [`nvidia.com/gpu=${uuid}`, 'nvidia.com/gpu=all'], `nvidia.com/gpu=${uuid}`],
  ])('%s', (_how, cdiDevices, expected) => {
    const gpus = daemonGpus(facts({ cdiDevices }), found(card));
    expect(gpus.cards).toEqual([card]);
    expect(daemonNames([uuid], gpus)).toEqual([expected]);
  });

  it('as the second render node, where it is AMD’s', () => {
    dev = mkdtempSync(path.join(tmpdir(), 'wt-dev-'));
    mkdirSync(path.join(dev, 'dri'));
    for (const file of ['kfd', 'dri/renderD128', 'dri/renderD129']) writeFileSync(path.join(dev, file), '');
    const gpus = daemonGpus(facts(), found({ id: 'amd.com/gpu=1', name: 'MI210', vramBytes: 64e9 }), dev);
    expect(gpus.method).toBe('rocm');
    expect(daemonNames(['amd.com/gpu=1'], gpus)).toEqual([`${dev}/dri/renderD129`]);
  });
});

it('cards that only the daemon knows are its own; those of another machine are never taken for ours', () => {
  const cdiDevices = ['nvidia.com/gpu=0', 'nvidia.com/gpu=1'];
  const local = daemonGpus(facts({ cdiDevices }), found(card));
  expect(local.cards.map(({ id }) => id)).toEqual(['nvidia.com/gpu=0', uuid]);
  const remote = daemonGpus(facts({ cdiDevices, sharesFiles: false }), found(card));
  expect(remote.cards.map(({ id }) => id)).toEqual(['daemon:nvidia.com/gpu=0', 'daemon:nvidia.com/gpu=1']);
  expect(daemonNames(['daemon:nvidia.com/gpu=1'], remote)).toEqual(['nvidia.com/gpu=1']);
});

it('cards of windtunnel.jsonc are those, and one that the daemon does not know is refused with those that it knows', () => {
  const host = { cards: [{ id: '0', name: 'Mine', vramBytes: null }, card], configured: true };
  const gpus = daemonGpus(facts({ cdiDevices: ['nvidia.com/gpu=0'] }), host);
  expect(gpus.cards).toEqual(host.cards);
  expect(daemonNames(['0'], gpus)).toEqual(['nvidia.com/gpu=0']);
  expect(() => daemonNames([uuid], gpus)).toThrow(
    expect.objectContaining({ code: 'E_DOCKER_GPU', hint: expect.stringContaining('nvidia.com/gpu=0') }),
  );
  expect(daemonGpus(facts({ cdiDevices: ['nvidia.com/gpu=0'] }), { cards: [], configured: true })).toMatchObject({
    cards: [],
    reason: expect.stringContaining('windtunnel.jsonc'),
  });
});

it('where there is none, it says why; Podman that would drop the request is refused', () => {
  expect(daemonGpus(facts(), found()).reason).toBe('no driver of one answers');
  expect(daemonGpus(facts({ sharesFiles: false }), found(card)).reason).toContain('another machine');
  expect(() => daemonGpus(facts({ kind: 'podman', version: '4.3.1' }), found(card))).toThrow(
    expect.objectContaining({ code: 'E_DOCKER_GPU', message: expect.stringContaining('Podman 4.3.1') }),
  );
  const podman = daemonGpus(facts({ kind: 'podman', version: '5.8', cdi: true }), found(card));
  expect(daemonNames([uuid], podman)).toEqual(['nvidia.com/gpu=1']);
});
