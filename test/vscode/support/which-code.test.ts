import { expect, test } from 'vitest';
import { desktopVersion, whichCode } from './which-code.ts';

test.each([
  ['a Mac', 'darwin', {}, 'desktop'],
  ['Windows', 'win32', {}, 'desktop'],
  ['Linux with X', 'linux', { DISPLAY: ':0' }, 'desktop'],
  ['Linux with Wayland', 'linux', { WAYLAND_DISPLAY: 'wayland-0' }, 'desktop'],
  ['Linux without a display', 'linux', { DISPLAY: '' }, 'headless'],
  ['CI with a display', 'linux', { CI: 'true', DISPLAY: ':99' }, 'headless'],
  ['CI on a Mac', 'darwin', { CI: 'true' }, 'headless'],
  ['CI that asks for the desktop', 'linux', { CI: 'true', WINDTUNNEL_TEST_CODE: 'desktop' }, 'desktop'],
  ['a desktop that asks for the stand-in', 'darwin', { WINDTUNNEL_TEST_CODE: 'headless' }, 'headless'],
] as const)('%s runs the tests of the extension host where it says', (_name, platform, env, expected) => {
  expect(whichCode(env, platform)).toBe(expected);
});

test('another name is refused', () => {
  expect(() => whichCode({ WINDTUNNEL_TEST_CODE: 'code' }, 'linux')).toThrow('desktop or headless, not code');
});

test('the oldest desktop is the one that the manifest allows', () => {
  expect([desktopVersion('oldest'), desktopVersion('newest')]).toEqual(['1.104.0', 'stable']);
});
