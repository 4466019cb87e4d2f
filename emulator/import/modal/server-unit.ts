import { fold } from './fold.ts';
import { argument } from './library.ts';
import type { Role } from './methods.ts';
import type { Decorator } from './read-module.ts';
import type { UnitContext } from './unit-plan.ts';
import { indented, settingPairs } from './write-app.ts';

export interface Started {
  /** Python expression: what makes the web app, or starts the server; null when it is started before. */
  target: string | null;
  role: Role;
  marker: Decorator | null;
  asynchronous: boolean;
  /** Lines before and after. */
  before: string[];
  after: string[];
}

const DEFAULT_PORT = 8000;

/** A fal.function that serves a whole web app: all its routes, verbs and websockets. */
export function serverLines(name: string, started: Started, context: UnitContext): string[] {
  const { settings, image, modules, module, ledger, file, unit } = context;
  const { role, marker } = started;
  const anchor = `def ${name}(`;
  const place = { file, line: (marker?.node ?? unit.node).startPosition.row + 1 };
  const given = marker?.given ?? { positional: [], keywords: [], splats: [] };
  let port = DEFAULT_PORT;
  if (role === 'server') {
    const wanted = fold(argument(given, 'port', 0), module.reader.lookup);
    if (typeof wanted === 'number') port = wanted;
    else {
      const text = marker?.node.text.split('\n')[0] ?? '';
      settings.marks.push(`# TODO(fal-import): F745 ${text}`);
      ledger.note('F745', 'TODO', {
        source: place,
        text,
        reason: 'The port cannot be read; 8000 is a guess.',
        next: 'Set exposed_port to the port that the server listens at.',
        anchor: { file, text: `TODO(fal-import): F745 ${text}` },
      });
    }
    const start = fold(argument(given, 'startup_timeout', 1), module.reader.lookup);
    if (typeof start === 'number') settings.attributes.set('startup_timeout', String(Math.ceil(start)));
  }
  ledger.note('F774', 'CHECK', {
    source: place,
    text: marker?.node.text ?? unit.name,
    reason: `A server of its own: ${name} serves all of its routes, verbs and websockets at port ${port}. The queue, typed input and the Playground see POST routes with JSON alone.`,
    next:
      role === 'server'
        ? 'The server must listen at 0.0.0.0, not at 127.0.0.1.'
        : 'Routes that take and give JSON can become endpoints of a fal.App.',
    anchor: { file, text: anchor },
  });
  for (const { name: option, value } of given.keywords) {
    const mapped = /^(port|startup_timeout)$/.test(option);
    ledger.item('option', place, `${option}=${value.text}`, mapped ? 'mapped' : 'reported');
    if (!mapped)
      ledger.note('F773', 'OK', {
        source: place,
        text: `${option}=${value.text}`,
        reason: `${option} has no counterpart: the URL is made of the names of user and app.`,
      });
  }
  const lines = [...settings.marks, ...image.marks, `@${modules.fal}.function(`];
  const pairs = settingPairs(settings, image, modules).filter(([key]) => key !== 'app_auth');
  for (const [key, value] of pairs) lines.push(indented(`${key}=${value},`, '    '));
  lines.push(`    exposed_port=${port},`, ')', `def ${name}():`);
  lines.push(`    """${unit.name}, converted from Modal by \`windtunnel import\`: all routes at port ${port}."""`);
  lines.push(...started.before.map((line) => `    ${line}`));
  const target = started.target !== null && started.asynchronous ? `asyncio.run(${started.target})` : started.target;
  if (started.asynchronous) context.standard.add('asyncio');
  let body: string[];
  if (role === 'server') {
    context.standard.add('threading');
    body = [...(target === null ? [] : [target]), 'threading.Event().wait()  # the server runs beside'];
  } else {
    const served = role === 'wsgi' ? `a2wsgi.WSGIMiddleware(${target})` : target;
    body = [
      ...(role === 'wsgi' ? ['import a2wsgi'] : []),
      'import uvicorn',
      '',
      `uvicorn.run(${served}, host="0.0.0.0", port=${port})`,
    ];
  }
  if (started.after.length > 0)
    body = [
      'try:',
      ...body.map((line) => (line === '' ? '' : `    ${line}`)),
      'finally:',
      ...started.after.map((line) => `    ${line}`),
    ];
  lines.push(...body.map((line) => (line === '' ? '' : `    ${line}`)));
  return lines;
}
