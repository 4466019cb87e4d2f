import { expect, test } from 'vitest';
import { isOfVsCode } from './host/watch-starts.ts';

const VS_CODE = '    at Kh.findPorts (file:///vscode/out/vs/workbench/api/node/extensionHostProcess.js:110:4)';
const NODE = '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)';
const OURS = '    at Emulators.find (/extensions/windtunnel/dist/extension.cjs:7:1)';

test.each([
  ['VS Code alone', [VS_CODE, NODE], true],
  ['our extension, which VS Code called', [OURS, VS_CODE], false],
  ['our extension, after something that it waited for', [OURS, NODE], false],
  ['nobody that can be told', [NODE], false],
])('a start by %s', (_, frames, itsOwn) => {
  expect(isOfVsCode(['Error', ...frames].join('\n'))).toBe(itsOwn);
});
