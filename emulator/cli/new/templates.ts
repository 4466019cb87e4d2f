import type { Template } from '../../contract/index.ts';

/** Where a template's file goes; what is not named goes where it is. A package leaves files out whose names begin with a dot. */
const PLACES: Readonly<Record<string, string>> = {
  'env.example': '.env.example',
  gitignore: '.gitignore',
  'launch.json': '.vscode/launch.json',
};

/** How an app is called in each place that names it. */
export interface AppNames {
  /** `my-app`, as fal's aliases are. */
  name: string;
  class: string;
  function: string;
  title: string;
}

/** Names from any text, such as that of a folder; null where it holds no letter and no digit. */
export function appNames(text: string): AppNames | null {
  const plain = text.normalize('NFKD').replace(/\p{M}/gu, '');
  const spaced = plain.replace(/([a-z0-9])([A-Z])/g, '$1 $2');
  const words = spaced.toLowerCase().match(/[a-z0-9]+/g);
  if (!words) return null;
  // Neither a class nor a function of Python begins with a digit.
  if (/^\d/.test(words[0] ?? '')) words.unshift('app');
  const capitalized = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1));
  const [first = '', ...rest] = words;
  return {
    name: words.join('-'),
    class: capitalized.join(''),
    function: words.join('_'),
    title: [first.slice(0, 1).toUpperCase() + first.slice(1), ...rest].join(' '),
  };
}

/** The files of a new app by their place in its folder, from those of its template by their names there. */
export function appFiles(template: Template, names: AppNames, files: ReadonlyMap<string, string>): Map<string, string> {
  // fal deploys a function under its own name.
  const id = `local/${template === 'server' ? names.function : names.name}`;
  const filled = (text: string): string =>
    text
      .replaceAll('__NAME__', names.name)
      .replaceAll('__CLASS__', names.class)
      .replaceAll('__FUNCTION__', names.function)
      .replaceAll('__TITLE__', names.title)
      .replaceAll('__ID__', id);
  return new Map([...files].map(([file, text]) => [PLACES[file] ?? file, filled(text)]));
}
