import { config } from '@vscode/l10n';

// The page's first import: texts that stand outside of functions are made when their file is loaded.
const handed = document.getElementById('l10n')?.textContent;
if (handed) config({ contents: handed });
