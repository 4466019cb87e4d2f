import {
  absolute,
  commandWords,
  copyOf,
  environmentOf,
  type Instruction,
  readDockerfile,
  workdirAfter,
} from '../dockerfile.ts';
import { isSecretName } from '../environment-names.ts';
import type { Ledger } from '../ledger.ts';
import { mark } from '../report.ts';
import { moveVolume } from './volume-edits.ts';

export interface DockerSource {
  /** Path of the Dockerfile in the folder, and of the worker's file. */
  path: string;
  text: string;
  entry: string;
  /** Text of a start script of the folder by its base name; null when there is none. */
  script: (name: string) => string | null;
}

export interface DockerResult {
  lines: string[];
  /** Folder of the worker's file in the image, and the current one when it started. */
  scriptDir: string;
  workdir: string;
  python: string;
  /** Sources of COPY and ADD, relative to the build context. */
  copies: string[];
  /** A person must look at it: something was left to them. */
  todo: boolean;
  /** The variables that the worker set; a start script or command may set more. */
  variables: Record<string, string>;
}

const PYTHON = /^(?:\S*\/)?python[\d.]*$/;

/** The Dockerfile without what starts the worker, with what fal's own runner needs. Layers and comments stay. */
export function rewriteDockerfile(source: DockerSource, ledger: Ledger): DockerResult {
  const { path, text, entry } = source;
  const file = `${path.slice(0, path.lastIndexOf('/') + 1)}Dockerfile.fal`;
  const lines = text.split(/\r\n|\n/);
  if (lines.at(-1) === '') lines.pop();
  const instructions = readDockerfile(text);
  const entryName = entry.split('/').at(-1)!;
  const workdir = workdirAfter(instructions);
  const result: DockerResult = {
    lines,
    scriptDir: workdir,
    workdir,
    python: 'python3',
    copies: [],
    todo: false,
    variables: {},
  };
  const replace = ({ start, end }: Instruction, by: string[]): void => {
    lines.fill('\0', start - 1, end);
    lines[start - 1] = by.join('\n');
  };
  const off = (at: Instruction, why: string): void =>
    replace(at, [`# fal: ${why}`, ...at.text.split('\n').map((line) => `# ${line}`)]);
  let root = true;
  const rewrite = (at: Instruction, index: number): void => {
    const place = { file: path, line: at.start };
    const shown = /^(ENV|ARG)$/.test(at.keyword)
      ? at.text.replace(/(\w*(?:TOKEN|KEY|SECRET|PASSWORD)\w*[ =]).*/i, '$1…')
      : at.text;
    const item = (outcome: 'kept' | 'mapped' | 'reported') => ledger.item('docker', place, shown, outcome);
    switch (at.keyword) {
      case 'CMD':
      case 'ENTRYPOINT': {
        item('reported');
        startCommand(source, at, instructions.slice(0, index), result, ledger, off, file);
        return;
      }
      case 'COPY':
      case 'ADD': {
        const copy = copyOf(at);
        if (!copy) {
          item('kept');
          return;
        }
        const keep = copy.from.filter((name) => !isEntry(name, entry) && !/(^|\/)test_input\.json$/.test(name));
        const dropped = copy.from.filter((name) => !keep.includes(name));
        if (copy.from.some((name) => isEntry(name, entry))) {
          const here = workdirAfter(instructions.slice(0, index));
          const to = copy.to.endsWith('.py') ? copy.to.slice(0, copy.to.lastIndexOf('/') + 1) : copy.to;
          result.scriptDir = absolute(here, to);
        }
        if (dropped.length === 0) {
          result.copies.push(...keep);
          item('kept');
          return;
        }
        item('reported');
        const reason = `fal brings the app's file itself: ${dropped.join(', ')} is not copied.`;
        ledger.note('F304', 'OK', { source: place, text: at.text, reason });
        if (keep.length === 0) {
          off(at, 'the app brings this file itself.');
          return;
        }
        result.copies.push(...keep);
        let changed = at.text;
        for (const name of dropped)
          changed = changed.replace(new RegExp(`\\s+["']?${literalPattern(name)}["']?,?(?=[\\s\\]])`), ' ');
        replace(at, [changed.replace(/ {2,}/g, ' ')]);
        return;
      }
      case 'RUN': {
        const without = withoutRunpod(at.text);
        if (without === at.text) {
          item('kept');
          return;
        }
        item('reported');
        ledger.note('F305', 'OK', {
          source: place,
          text: at.text,
          reason: 'The runpod package is not needed any more.',
        });
        if (without === null) off(at, 'the runpod package is not needed.');
        else replace(at, [without]);
        return;
      }
      case 'ENV':
      case 'ARG': {
        const pairs =
          at.keyword === 'ENV'
            ? environmentOf(at.args)
            : environmentOf(at.args.includes('=') ? at.args : `${at.args}=`);
        const secret = Object.entries(pairs).find(
          ([name, value]) => isSecretName(name) && value !== '' && !/^["']{2}$|^\$/.test(value),
        );
        if (secret) {
          item('reported');
          result.todo = true;
          const reason = `${secret[0]} holds a value in the Dockerfile: it would stand in the image for all to read.`;
          const next = `fal secrets set ${secret[0]}, and a build secret if the build needs it.`;
          ledger.note('F306', 'TODO', {
            source: place,
            text: shown,
            reason,
            next,
            anchor: { file, text: `${mark('F306')} ${at.keyword} ${secret[0]} ` },
          });
          const rest = Object.entries(pairs).filter(([name]) => !isSecretName(name));
          replace(at, [
            `# ${mark('F306')} ${at.keyword} ${secret[0]} had a value here; make it a secret.`,
            ...rest.map(([name, value]) => `${at.keyword} ${name}=${JSON.stringify(moveVolume(value))}`),
          ]);
          return;
        }
        if (at.keyword === 'ENV') Object.assign(result.variables, pairs);
        const moved = moveVolume(at.text);
        if (moved === at.text) {
          item('kept');
          return;
        }
        item('mapped');
        replace(at, [moved]);
        return;
      }
      case 'USER':
        root = /^(root|0)\b/.test(at.args);
        item('kept');
        return;
      case 'FROM':
        root = true;
        item('kept');
        return;
      default:
        item('kept');
        return;
    }
  };
  for (const [index, at] of instructions.entries()) rewrite(at, index);
  const uv = /\buv pip install\b/.test(text);
  // Alpine has no apt-get.
  const alpine = /alpine|\bapk add\b/.test(
    instructions
      .filter(({ keyword }) => keyword === 'FROM' || keyword === 'RUN')
      .map(({ args }) => args)
      .join('\n'),
  );
  if (!root) {
    lines.push('USER root');
    const reason = 'The image ends as another user; the runner of fal starts as root.';
    ledger.note('F307', 'CHECK', {
      source: { file: path, line: lines.length },
      reason,
      next: 'Check the owners of the files that the app writes.',
    });
  }
  result.lines = lines.filter((line) => line !== '\0');
  result.lines.push(
    '',
    '# fal starts the app itself: its runner needs curl, and the fal package in the Python that the worker used.',
    'RUN command -v curl >/dev/null || \\',
    alpine
      ? '    apk add --no-cache curl'
      : '    (apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*)',
    uv
      ? `RUN uv pip install${/uv pip install[^\n]*--system/.test(text) ? ' --system' : ''} fal`
      : `RUN ${result.python} -m pip install --no-cache-dir fal`,
  );
  ledger.note('F308', 'CHECK', {
    source: { file: path, line: 1 },
    text: lines[0] ?? '',
    reason: `fal runs the app in this image, in the Python that \`${uv ? 'uv' : result.python}\` is there; it must be the minor version that you deploy with.`,
    next: `Deploy with the same Python; see that ${entryName}'s packages are in that Python's environment.`,
    anchor: { file, text: ' fal' },
  });
  return result;
}

function isEntry(name: string, entry: string): boolean {
  const bare = name.replace(/^\.\//, '').replace(/^\//, '');
  return bare === entry || entry.endsWith(`/${bare}`);
}

function literalPattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** The instruction without the runpod package; null when nothing else was installed by it. */
function withoutRunpod(text: string): string | null {
  const changed = text.replace(
    /(\bpip[\d.]*\s+install\b[^&|;]*?)\s["']?runpod(?:\[[^\]]*\])?(?:[=~<>!]=?[^\s"'\\&;]*)?["']?(?=\s|$)/g,
    '$1',
  );
  if (changed === text) return text;
  const empty = /\bpip[\d.]*\s+install((\s|\\\n)+-{1,2}[\w-]+(=\S+)?)*(\s|\\\n)*($|&&|;)/.exec(changed);
  if (!empty) return changed;
  return /&&|;|\|/.test(changed)
    ? changed.slice(0, empty.index).replace(/(python[\d.]*\s+-m\s+|uv\s+)$/, '') +
        `true ${empty[4] ?? ''}${changed.slice(empty.index + empty[0].length)}`
    : null;
}

function startCommand(
  source: DockerSource,
  at: Instruction,
  before: readonly Instruction[],
  result: DockerResult,
  ledger: Ledger,
  off: (at: Instruction, why: string) => void,
  file: string,
): void {
  const place = { file: source.path, line: at.start };
  const words = commandWords(at.args);
  const here = workdirAfter(before);
  const script = words.map((word) => word.split('/').at(-1)!).find((word) => word.endsWith('.sh'));
  const lines = script === undefined ? [] : scriptLines(source.script(script));
  const python = [words, ...lines.map((line) => line.split(/\s+/))].find((command) =>
    command.some((word) => PYTHON.test(word)),
  );
  const interpreter = python?.find((word) => PYTHON.test(word));
  if (interpreter !== undefined) result.python = interpreter;
  const started = python?.find((word) => word.endsWith('.py'));
  if (started?.includes('/')) result.scriptDir = absolute(here, started.slice(0, started.lastIndexOf('/') + 1));
  const more = lines.filter((line) => !/\bpython[\d.]*\s.*\.py\b/.test(line));
  const unknown = script !== undefined && source.script(script) === null;
  if (script === undefined || (!unknown && more.length === 0)) {
    ledger.note('F301', 'OK', { source: place, text: at.text, reason: "fal starts the app's server itself." });
    off(at, "starts the app's server itself, so this is not run.");
    return;
  }
  result.todo = true;
  const what = unknown ? `${script} is not in the folder` : `${script} also runs: ${more.slice(0, 6).join(' · ')}`;
  const reason = `The worker was started by a script. fal does not run it. ${what}.`;
  const next = 'Start in setup() what the handler needs, e.g. subprocess.Popen([...]), and wait until it answers.';
  ledger.note('F302', 'TODO', { source: place, text: at.text, reason, next, anchor: { file, text: mark('F302') } });
  off(at, `${mark('F302')} ${what}.`);
}

/** Lines of a shell script that do something of their own. */
function scriptLines(text: string | null): string[] {
  return (text ?? '')
    .replaceAll('\\\n', ' ')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(
      (line) => line !== '' && !/^(#|set\s|echo\b|cd\s|exit\b|exec\s*$|fi$|then$|done$|else$|sleep\s|wait$)/.test(line),
    );
}
