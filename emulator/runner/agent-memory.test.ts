import { spawnSync } from 'node:child_process';
import { beforeAll, expect, it } from 'vitest';
import { basePython } from '../../test/support/python.ts';

/** The agent's own account of an app that ended by SIGKILL, with the kernel's count and the clock in the test's hand. */
const PROGRAM = `
import json, os, sys
sys.path.insert(0, sys.argv[1])
sys.argv = ["agent"]
import agent
from _windtunnel import process_tree

def cause(steps):
    now, count = [1000.0], [0]
    agent.time = type("Time", (), {"monotonic": staticmethod(lambda: now[0]), "time": staticmethod(lambda: now[0])})
    agent.os.getpid = lambda: 1
    process_tree.oom_kills = lambda: count[0]
    process_tree.memory = lambda *_: 0
    process_tree.kill_descendants = lambda *_: None
    one = agent.Agent(0, None)
    one.start = {"memoryBytes": 1 << 29}
    one.log = lambda *_: None
    for step in steps:
        if step == "killed":
            count[0] += 1
        elif step == "look":
            one.check_memory()
        else:
            now[0] += step
    one.finish(-9)
    return one.cause

print(json.dumps([cause(steps) for steps in json.loads(os.environ["STEPS"])]))
`;

let python: string;
beforeAll(async () => {
  python = await basePython();
});

it('knows an app that the kernel killed for want of memory, whether or not it looked before the app was gone', () => {
  const cases: [steps: (string | number)[], cause: string][] = [
    [['look'], 'crashed'],
    [['look', 'killed'], 'memory'],
    [['killed', 'look', 0.3], 'memory'],
    [['killed', 'look', 0.5, 'look', 0.5, 'look'], 'memory'],
    // A child of the app was killed so, and the app by something else, later.
    [['killed', 'look', 60], 'crashed'],
  ];
  const env = { ...process.env, STEPS: JSON.stringify(cases.map(([steps]) => steps)) };
  const { stdout, stderr } = spawnSync(python, ['-I', '-S', '-B', '-c', PROGRAM, import.meta.dirname], {
    encoding: 'utf8',
    env,
  });
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toEqual(cases.map(([, cause]) => cause));
});
