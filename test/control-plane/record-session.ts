// `npm run session`: records docs/fal-session.md anew; the suite control-plane compares.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { recordSession, SESSION_FILE } from './session.ts';

const apps = path.join(import.meta.dirname, 'apps');
const emulator = await EmulatorUnderTest.start(['shop.py', 'version.txt'].map((name) => path.join(apps, name)));
try {
  writeFileSync(SESSION_FILE, await recordSession(emulator));
} finally {
  await emulator.dispose();
}
