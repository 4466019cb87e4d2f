import { beforeEach, describe, expect, it } from 'vitest';
import { AppSettingsSchema } from '../../contract/index.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import { DocumentTable } from '../../store/documents.ts';
import type { Alias, Revision } from './records.ts';
import { Registry } from './registry.ts';
import { inheritScale, scaledSettings, scaleOf } from './scale.ts';

const settings = AppSettingsSchema.parse({ keepAlive: 60, maxConcurrency: 3, machineTypes: ['L'], maxMultiplexing: 2 });

const revision = (id: string, createdAt: number): Revision => ({
  id,
  alias: 'shop',
  environment: 'main',
  createdAt,
  callable: { kind: 'pickle', blob: 'a'.repeat(64) },
  settings,
  servedBySdk: true,
  files: [],
  metadata: { openapi: {} },
  sourceCode: null,
  privateLogs: false,
});

const alias = (of: string): Alias => ({
  alias: 'shop',
  environment: 'main',
  revision: of,
  authMode: 'PRIVATE',
  scale: scaleOf(settings),
});

let registry: Registry;
beforeEach(() => {
  registry = new Registry(new DocumentTable(async () => undefined), new FakeClock(5));
});

describe('revisions and aliases', () => {
  it('are written together, and listed newest first', async () => {
    await registry.deploy(revision('one', 1), alias('one'));
    await registry.deploy(revision('two', 2), alias('two'));
    expect(registry.mustHaveAlias('shop').revision).toBe('two');
    expect(registry.revisions('shop').map(({ id }) => id)).toEqual(['two', 'one']);
  });

  it('a revision that an alias serves stays; another one goes', async () => {
    await registry.deploy(revision('one', 1), alias('one'));
    await registry.deploy(revision('two', 2), alias('two'));
    await expect(registry.deleteRevision('two')).rejects.toMatchObject({ code: 'E_REVISION_IN_USE' });
    await registry.deleteRevision('one');
    expect(() => registry.mustHaveRevision('one')).toThrow(expect.objectContaining({ code: 'E_UNKNOWN_REVISION' }));
  });

  it('an unknown app is told with those that are there', async () => {
    await registry.deploy(revision('one', 1), alias('one'));
    expect(() => registry.mustHaveAlias('shopp')).toThrow(
      expect.objectContaining({ code: 'E_UNKNOWN_APP', hint: 'Deployed here: shop.' }),
    );
  });
});

describe('environments', () => {
  it('main is always there and cannot go; another only when it is empty', async () => {
    expect(registry.environments().map(({ name }) => name)).toEqual(['main']);
    await expect(registry.deleteEnvironment('main')).rejects.toMatchObject({ code: 'E_ENVIRONMENT_EXISTS' });
    await registry.createEnvironment('staging', null);
    await registry.setAlias({ ...alias('one'), alias: 'shop--staging', environment: 'staging' });
    await expect(registry.deleteEnvironment('staging')).rejects.toThrow('still has apps: shop--staging');
    await registry.deleteAlias('shop--staging');
    await registry.deleteEnvironment('staging');
    expect(() => registry.mustHaveEnvironment('staging')).toThrow(
      expect.objectContaining({ code: 'E_UNKNOWN_ENVIRONMENT' }),
    );
  });
});

it('a new deployment keeps the scaling of its alias, and takes machine, multiplexing and startup from its code', () => {
  const scaled = { ...scaleOf(settings), maxConcurrency: 9, machineTypes: ['XL'], maxMultiplexing: 8 };
  expect(scaledSettings(settings, scaled)).toMatchObject({
    maxConcurrency: 9,
    machineTypes: ['XL'],
    maxMultiplexing: 8,
  });
  const code = { ...settings, maxConcurrency: 1, keepAlive: 1, machineTypes: ['M'] };
  expect(scaledSettings(code, inheritScale(scaled))).toMatchObject({
    maxConcurrency: 9,
    keepAlive: 60,
    machineTypes: ['M'],
    maxMultiplexing: 2,
  });
});
