import { createHash } from 'node:crypto';
import type { DeployChange } from '../../contract/index.ts';
import type { LoadedApp, RemoteState } from './fal-project.ts';

export type Change = DeployChange;

export interface DeploymentChoice {
  auth: string | undefined;
  resetScale: boolean;
}

/** Annotation of a revision → what it holds. fal shows them beside the revision; values are digests and names alone. */
export const ANNOTATIONS = {
  code: 'windtunnel.code',
  requirements: 'windtunnel.requirements',
  secrets: 'windtunnel.secrets',
  environment: 'windtunnel.environment',
} as const;

/** Annotations together may take 16 kB (MAX_ANNOTATIONS_TOTAL_BYTES of fal 1.83): a longer list goes as its digest. */
const LONGEST_LIST = 4000;

/** What a deployment does not change on an app that is there, unless it is told to. Source: `INHERITED_SCALE_FIELDS` of fal 1.83. */
const INHERITED = new Set([
  'keep_alive',
  'max_concurrency',
  'min_concurrency',
  'concurrency_buffer',
  'concurrency_buffer_perc',
  'scaling_delay',
  'request_timeout',
  'request_start_timeout',
  'regions',
]);

/** What the server takes where the code says nothing. Source: `SERVER_DEFAULT_SCALE_VALUES` of fal 1.83. */
const DEFAULTS: Readonly<Record<string, number | null>> = {
  keep_alive: 10,
  max_concurrency: 2,
  min_concurrency: 0,
  concurrency_buffer: 0,
  concurrency_buffer_perc: 0,
  scaling_delay: 0,
  max_multiplexing: 1,
  request_timeout: 3600,
  request_start_timeout: null,
  startup_timeout: 600,
};

/** What this deployment leaves at the revision, so that the next one can be compared with it from anywhere. */
export function annotationsOf(app: LoadedApp): Record<string, string> {
  return {
    [ANNOTATIONS.code]: app.code.digest,
    [ANNOTATIONS.requirements]: short(app.requirements),
    [ANNOTATIONS.secrets]: secretsText(app.secrets),
    [ANNOTATIONS.environment]: environmentText(app),
  };
}

/** Everything that is compared, what stays included, in the order in which it is shown. */
export function deploymentDiff(app: LoadedApp, remote: RemoteState, choice: DeploymentChoice): Change[] {
  const { deployed, annotations } = remote;
  const known = (key: string) => (deployed === null ? null : (annotations[key] ?? 'unknown'));
  const row = (what: string, now: string | null, after: string): Change => ({
    what,
    now,
    after,
    changes: now !== after,
  });
  const code = known(ANNOTATIONS.code);
  return [
    {
      ...row('code', code === null ? null : name(code), name(app.code.digest)),
      ...(code === 'unknown' ? { note: 'what is deployed was not deployed by windtunnel' } : {}),
    },
    row('environment', known(ANNOTATIONS.environment), environmentText(app)),
    row('requirements', known(ANNOTATIONS.requirements), short(app.requirements)),
    row('machine', deployed?.machines.join(', ') ?? null, machinesOf(app).join(', ')),
    ...scaling(app, remote, choice),
    row('auth', deployed?.auth ?? null, choice.auth ?? app.auth ?? 'private'),
    row('secrets', known(ANNOTATIONS.secrets), secretsText(app.secrets)),
  ];
}

const name = (digest: string): string => (digest === 'unknown' ? digest : digest.slice(0, 12));

function scaling(app: LoadedApp, { deployed }: RemoteState, { resetScale }: DeploymentChoice): Change[] {
  const wanted = (field: string): string => {
    const value = app.host[field];
    return String((field in app.host ? value : DEFAULTS[field]) ?? 'none');
  };
  const one = (field: string, now: string | null, fromCode: string): Change => {
    const stays = now !== null && !resetScale && INHERITED.has(field);
    const after = stays ? now : fromCode;
    const note = stays && now !== fromCode ? `the code says ${fromCode}, which --reset-scale takes` : undefined;
    return { what: field, now, after, changes: now !== after, ...(note === undefined ? {} : { note }) };
  };
  const regions = app.host.regions;
  return [
    ...Object.keys(DEFAULTS).map((field) =>
      one(field, deployed === null ? null : String(deployed.scale[field] ?? 'none'), wanted(field)),
    ),
    one('regions', deployed === null ? null : listed(deployed.regions), listed(Array.isArray(regions) ? regions : [])),
  ];
}

export function machinesOf(app: LoadedApp): string[] {
  const type = app.host.machine_type;
  return Array.isArray(type) ? type.map(String) : [typeof type === 'string' ? type : 'XS'];
}

const listed = (names: readonly unknown[]): string => (names.length === 0 ? 'any' : names.join(', '));

const secretsText = (names: LoadedApp['secrets']): string =>
  names === null ? 'all of the environment' : names.length === 0 ? 'none' : [...names].sort().join(', ');

function short(list: readonly string[]): string {
  const text = list.join(', ');
  if (text === '') return 'none';
  return text.length <= LONGEST_LIST ? text : `${list.length} (${sha(text)})`;
}

function environmentText(app: LoadedApp): string {
  const python = app.pythonVersion ?? 'the deploying Python';
  if (app.image === null) return `${app.kind}, ${python}`;
  return `image ${sha(JSON.stringify(app.image.dockerfile_str ?? ''))}`;
}

const sha = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);
