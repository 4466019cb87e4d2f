import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testPython } from '../../../test/support/python.ts';
import { workerTools } from './worker-tools.ts';

// fal's toolkit as far as the tools use it, without a network.
const PROGRAM = `
import json, os, pathlib, sys, types

class File:
    def __init__(self, url):
        self.url = url
    @staticmethod
    def from_bytes(data, content_type, file_name):
        return File("cdn:%s:%s:%d" % (content_type, file_name, len(data)))

def download_file(url, target_dir):
    if "gone" in url:
        raise OSError("404")
    path = pathlib.Path(target_dir) / os.path.basename(url)
    path.write_bytes(b"abc")
    return path

sys.modules["fal"] = types.ModuleType("fal")
sys.modules["fal.toolkit"] = types.SimpleNamespace(File=File, download_file=download_file)
import worker_tools as t

schema = {"n": {"type": int, "required": True, "constraints": lambda n: n < 5}, "s": {"type": float, "required": False, "default": 2.5}}
paths = t.rp_download.download_files_from_urls("job", ["https://x/a.png", None, "https://x/gone.png"])
one = t.rp_download.file("https://x/b.txt")
print(json.dumps({
    "valid": t.validate({"n": 1, "s": 2}, schema),
    "errors": t.rp_validator.validate({"n": 7, "x": 1}, schema)["errors"],
    "missing": t.validate({}, schema)["errors"],
    "downloads": [p and os.path.basename(p) for p in paths],
    "file": [os.path.isabs(one["file_path"]), one["type"], one["original_name"], one["extracted_path"]],
    "uploads": [t.rp_upload.upload_image("job", paths[0]), t.upload_in_memory_object("c.bin", b"1234")],
    "cleaned": [t.rp_cleanup.clean(["jobs"]), os.path.exists("jobs"), os.path.exists("job_files")],
}))
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wt-tools-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("worker_tools keeps the results of the platform's helpers", async () => {
  writeFileSync(
    path.join(folder, 'worker_tools.py'),
    workerTools(new Set(['validator', 'download', 'upload', 'cleanup'] as const)),
  );
  writeFileSync(path.join(folder, 'program.py'), PROGRAM);
  const run = spawnSync(await testPython(), ['program.py'], { cwd: folder, encoding: 'utf8' });
  expect(run.stderr).toBe('');
  expect(JSON.parse(run.stdout.trim().split('\n').at(-1)!)).toEqual({
    valid: { validated_input: { n: 1, s: 2 } },
    errors: ['Unexpected input. x is not a valid input option.', 'n does not meet the constraints.'],
    missing: ['n is a required input.'],
    downloads: ['a.png', null, null],
    file: [true, 'txt', 'b.txt', null],
    uploads: ['cdn:image/png:a.png:3', 'cdn:application/octet-stream:c.bin:4'],
    cleaned: [null, false, false],
  });
});
