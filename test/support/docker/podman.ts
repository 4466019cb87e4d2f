import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

// A container's processes may have more open files than root of a small virtual machine may allow: what Podman asks for is left out.
const RUNTIME = `#!/usr/bin/env python3
import json, os, sys
words = sys.argv[1:]

def change(file, of):
    with open(file) as opened:
        config = json.load(opened)
    of(config).pop("rlimits", None)
    with open(file, "w") as opened:
        json.dump(config, opened)

def after(*flags):
    return next(words[i + 1] for i, word in enumerate(words) if word in flags)

if "create" in words:
    change(os.path.join(after("--bundle", "-b"), "config.json"), lambda config: config["process"])
elif "exec" in words:
    change(after("--process", "-p"), lambda config: config)
os.execvp("runc", ["runc", *words])
`;

/** What a Podman that keeps to one folder is started with: its storage, its networks and its runtime are there. */
export function podmanEnvironment(folder: string): NodeJS.ProcessEnv {
  const at = (name: string) => path.join(folder, name);
  writeFileSync(at('runtime'), RUNTIME, { mode: 0o755 });
  const lines = [
    '[engine]',
    'cgroup_manager = "cgroupfs"',
    'events_logger = "file"',
    'runtime = "here"',
    `tmp_dir = "${at('tmp')}"`,
    '[engine.runtimes]',
    `here = ["${at('runtime')}"]`,
    // Builds name theirs.
    `runc = ["${at('runtime')}"]`,
    '[network]',
    `network_config_dir = "${at('networks')}"`,
  ];
  writeFileSync(at('containers.conf'), `${lines.join('\n')}\n`);
  writeFileSync(
    at('storage.conf'),
    `[storage]\ndriver = "overlay"\nrunroot = "${at('exec')}"\ngraphroot = "${at('data')}"\n`,
  );
  mkdirSync(at('tmp'), { recursive: true });
  // Its builder keeps the caches of `RUN --mount=type=cache` there.
  return { CONTAINERS_CONF: at('containers.conf'), CONTAINERS_STORAGE_CONF: at('storage.conf'), TMPDIR: at('tmp') };
}
