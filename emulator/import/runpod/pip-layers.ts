import { copyOf, readDockerfile } from '../dockerfile.ts';

/** Layers of pip packages when the image is nothing but Python with packages; null when it is more than that. */
export function pipLayers(text: string, requirements: (path: string) => string[] | null): string[][] | null {
  const instructions = readDockerfile(text);
  const froms = instructions.filter(({ keyword }) => keyword === 'FROM');
  if (froms.length !== 1 || !/^(docker\.io\/)?(library\/)?python:[\w.-]+$/.test(froms[0]!.args)) return null;
  const layers: string[][] = [];
  const copied = new Map<string, string>();
  for (const at of instructions) {
    if (/^(FROM|CMD|WORKDIR|EXPOSE|LABEL|MAINTAINER)$/.test(at.keyword)) continue;
    if (at.keyword === 'ENV') continue;
    if (at.keyword === 'COPY' || at.keyword === 'ADD') {
      const copy = copyOf(at);
      if (!copy || copy.from.some((name) => /^https?:|\.sh$/.test(name))) return null;
      for (const name of copy.from) copied.set(name.split('/').at(-1)!, name);
      continue;
    }
    if (at.keyword !== 'RUN') return null;
    for (const command of at.args.split(/&&|;/).map((part) => part.trim())) {
      if (/^rm\s+(-\w+\s+)?\S*requirements\S*$/.test(command)) continue;
      const install = /^(?:python[\d.]*\s+-m\s+)?(?:uv\s+)?pip[\d.]*\s+install\s+(.*)$/.exec(command);
      if (!install) return null;
      const layer: string[] = [];
      const words = install[1]!.split(/\s+/);
      for (let index = 0; index < words.length; index++) {
        const word = words[index]!.replace(/^["']|["']$/g, '');
        if (
          /^(--no-cache-dir|--upgrade|-U|--quiet|-q|--system|--no-input|--default-timeout=\d+|--upgrade-strategy=\S+)$/.test(
            word,
          )
        )
          continue;
        if (word === '-r' || word === '--requirement') {
          const name = (words[++index] ?? '').split('/').at(-1)!;
          const listed = requirements(copied.get(name) ?? name);
          if (!listed) return null;
          layer.push(...listed);
        } else if (/^-|\$|\\/.test(word)) return null;
        else if (!/^(pip|setuptools|wheel|uv|runpod([=<>~![].*)?)$/.test(word)) layer.push(word);
      }
      layers.push(layer);
    }
  }
  return layers;
}
