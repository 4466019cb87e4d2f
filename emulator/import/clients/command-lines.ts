import type { Ledger } from '../ledger.ts';

const COMMAND =
  /\bmodal (deploy|serve|run)((?:[ \t]+--?[\w-]+(?:[= ][\w./-]+)?)*)[ \t]+(?:-m[ \t]+)?([\w./-]+?\.py)(::\w+(?:\.\w+)?)?/g;

/** `modal deploy app.py` in scripts, make files and workflows, as fal's command of the same purpose. */
export function commandLines(text: string, file: string, entry: string, ledger: Ledger): string {
  let line = 0;
  return text
    .split('\n')
    .map((content) => {
      line++;
      return content.replaceAll(COMMAND, (whole, verb: string, _options: string, path: string) => {
        if (path.split('/').at(-1) !== entry.split('/').at(-1)) return whole;
        const by = verb === 'deploy' ? `fal deploy ${path}` : `fal run ${path}`;
        ledger.note('F807', 'CHECK', {
          source: { file, line },
          text: whole,
          reason: `\`${by}\` takes the place of \`modal ${verb}\`.`,
          next: 'Several apps in the file: name one with `::ClassName`, and give each a command of its own.',
          anchor: { file, text: by },
        });
        return by;
      });
    })
    .join('\n');
}

/** Whether a file holds commands: a script, a make file, a workflow. */
export const holdsCommands = (path: string): boolean => /(^|\/)(Makefile|justfile)$|\.(sh|bash|ya?ml|mk)$/.test(path);
