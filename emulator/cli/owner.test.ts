import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defaultOwner } from './owner.ts';

function ownerWith(toml: string | null, env: Record<string, string> = {}): string {
  const home = mkdtempSync(join(tmpdir(), 'wt-owner-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  if (toml !== null) {
    mkdirSync(join(home, '.fal'));
    writeFileSync(join(home, '.fal', 'config.toml'), toml);
  }
  return defaultOwner({ env, platform: 'linux', home, uid: 1 });
}

const CHOSEN = '[__internal__]\nprofile = "work"\n';

test.each([
  [null, {}, 'local'],
  ['', {}, 'local'],
  ['broken = [', {}, 'local'],
  [`${CHOSEN}[work]\nkey = "id:secret"\n`, {}, 'local'],
  [`${CHOSEN}[work]\nnickname = "ada"\nteam = "acme"\n`, {}, 'ada'],
  [`${CHOSEN}[work]\nteam = "acme"\n[home]\nteam = "me"\n`, {}, 'acme'],
  [`${CHOSEN}[work]\nteam = "acme"\n[home]\nteam = "me"\n`, { FAL_PROFILE: 'home' }, 'me'],
  [`${CHOSEN}[work]\nteam = "not a name"\n`, {}, 'local'],
])('%j with %j → %s', (toml, env, owner) => {
  expect(ownerWith(toml, env)).toBe(owner);
});
