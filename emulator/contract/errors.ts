/**
 * Every error that can reach a user. A code is stable: scripts and editors match on it.
 * `kind`: user = their input or machine, app = the developer's Python, fidelity = fal does it and we do not,
 * system = our bug, cancelled = asked for.
 */
export type ErrorKind = 'user' | 'app' | 'fidelity' | 'system' | 'cancelled';

/** code → [kind, one-line meaning]. Sorted by area; each code has a test that produces it. */
export const ERROR_CODES = {
  // input
  E_USAGE: ['user', 'The command line is not understood.'],
  E_CONFIG_INVALID: ['user', 'windtunnel.jsonc does not match its schema.'],
  E_SCENARIO: ['user', 'A scenario file does not match its schema.'],
  E_NO_APP: ['user', 'The file holds no fal.App and no fal.function.'],
  E_SEVERAL_APPS: ['user', 'The file holds several apps and none was named.'],
  E_UNKNOWN_SYMBOL: ['user', 'The named symbol is not an app in that file.'],
  E_FILE_UNREADABLE: ['user', 'A file that was named cannot be read.'],
  E_APP_NAME_TAKEN: ['user', 'Another running app already has this owner and name.'],
  E_IMPORT_NOTHING: ['user', 'Nothing that can be imported was found at the given path.'],
  E_IMPORT_CHECK: ['system', 'The checks of an imported app could not run.'],
  E_IMPORT_OUT: ['user', 'The folder for the imported app is not empty.'],
  E_SYNTAX: ['app', 'The Python file does not compile.'],
  // deploying to a remote fal
  E_FAL_MISSING: ['user', 'No fal CLI was found, or one that cannot do what is needed.'],
  E_DEPLOY_CHECKS: ['user', 'A check of the app failed before it was deployed.'],
  E_REMOTE: ['user', 'The remote fal could not be asked, or refused.'],
  E_SIGNED_OUT: ['user', 'Nobody is logged in at the remote fal, or the key is none there.'],
  E_DEPLOY_FAILED: ['app', '`fal deploy` failed.'],
  E_DEPLOY_UNHEALTHY: ['app', 'The app was deployed and does not answer.'],
  // environment
  E_UNTRUSTED: ['user', 'The workspace is not trusted by the user of the editor.'],
  E_PYTHON_MISSING: ['user', 'No Python interpreter was found.'],
  E_PYTHON_VERSION: ['user', 'The Python that was found has the wrong minor version for the app.'],
  E_PYTHON_NO_VENV: ['user', 'The Python that was found cannot make virtual environments.'],
  E_REQUIREMENTS: ['user', 'The requirements of the app cannot be installed.'],
  E_DISK_FULL: ['user', 'The disk is full.'],
  E_GPU_DEMAND: ['user', 'The app asks for GPUs that this machine does not have.'],
  E_PLATFORM: ['user', 'This operating system is not supported.'],
  // docker
  E_DOCKER_MISSING: ['user', 'No Docker is installed, or none that can be found.'],
  E_DOCKER_DOWN: ['user', 'The Docker daemon does not answer.'],
  E_DOCKER_PERMISSION: ['user', 'The Docker daemon may not be used by this user.'],
  E_DOCKER_CONTEXT: ['user', 'The Docker context or DOCKER_HOST that was named cannot be used.'],
  E_DOCKER_GPU: ['user', 'The Docker daemon cannot give a container the GPU.'],
  E_DOCKER: ['system', 'The Docker daemon refused something that it should do.'],
  E_IMAGE_BASE: ['user', 'The image that the app is built on cannot be had.'],
  E_IMAGE_REGISTRY: ['user', 'A registry refused the login, or none was given.'],
  E_IMAGE_BUILD: ['user', 'The image of the app cannot be built.'],
  // runner
  E_APP_IMPORT: ['app', "The app's module raised while it was imported."],
  E_APP_SETUP: ['app', "The app's setup() raised."],
  E_STARTUP_TIMEOUT: ['app', 'The app was not ready within its startup_timeout.'],
  E_RUNNER_EXITED: ['app', 'The runner process ended unexpectedly.'],
  E_RUNNER_MEMORY: ['app', 'The runner went over the memory of its machine type and was stopped.'],
  E_DATA_MOUNT: ['user', 'The /data folder cannot be mapped for the runner on this machine.'],
  E_NO_DEBUGGER: ['user', 'The app does not run under a debugger.'],
  E_PORT_EXCLUSIVE: ['fidelity', 'A server that binds its own port runs one at a time in the process engine.'],
  E_ENGINE_UNAVAILABLE: ['user', 'The engine that the app needs is not available on this machine.'],
  E_LINK_PROTOCOL: ['system', 'The link between emulator and runner broke its protocol.'],
  // emulator
  E_PORT_TAKEN: ['user', 'The public port is used by another program.'],
  E_LISTEN: ['user', 'The emulator cannot serve other machines as it is asked to.'],
  E_TLS_ONLY: ['user', 'Another machine called without TLS.'],
  E_EMULATOR_DOWN: ['user', 'No emulator runs for this workspace.'],
  E_EMULATOR_VERSION: ['user', 'The running emulator has another version than this command.'],
  E_STATE_NEWER: ['user', 'The state on disk was written by a newer Windtunnel.'],
  E_STATE_DAMAGED: ['user', 'The state on disk is damaged.'],
  E_STATE_LOCKED: ['user', 'The state on disk is in use by another emulator.'],
  E_STORE: ['system', 'The store could not commit.'],
  E_UPSTREAM_PROXY: ['user', 'The company proxy in the environment is of a kind that is not supported.'],
  E_SECRET_NAME: ['user', 'A secret has an invalid name.'],
  // gateway
  E_UNKNOWN_APP: ['user', 'No app of that name runs here.'],
  E_PUBLIC_MODEL: ['fidelity', 'A public fal model is not emulated here.'],
  E_REMOTE_FILE: ['fidelity', "A file on fal's CDN is not here and was not fetched."],
  E_FILE_GONE: ['user', 'A file of the local CDN has expired, was removed or never existed.'],
  E_UNKNOWN_RUNNER: ['user', 'No runner of that id is here.'],
  E_UNKNOWN_REQUEST: ['user', 'No request of that id is known for this app.'],
  E_UNKNOWN_REVISION: ['user', 'No deployed revision of that id is here.'],
  E_REVISION_IN_USE: ['user', 'The revision is what an alias points to.'],
  E_UNKNOWN_ENVIRONMENT: ['user', 'No environment of that name was created here.'],
  E_ENVIRONMENT_EXISTS: ['user', 'The environment exists already, or is one that cannot be removed.'],
  E_UNKNOWN_KEY: ['user', 'No key of that id was created here.'],
  E_APP_FILES: ['user', 'A file that the deployment names was not uploaded.'],
  E_BAD_REQUEST: ['user', 'A request or one of its headers is malformed.'],
  E_UNAUTHORIZED: ['user', 'The key is missing or is not a key of this emulator.'],
  E_FOREIGN_ORIGIN: ['user', 'The request comes from a web page that is not allowed.'],
  E_FOREIGN_HOST: ['user', 'The Host header names a host that is not served here.'],
  E_TUNNEL_TARGET: ['app', 'An app asked its tunnel for a host or path that is not served through it.'],
  E_METHOD: ['user', 'The method is not allowed for this path.'],
  E_LIMIT: ['user', 'Something is larger than its documented limit.'],
  E_NOT_EMULATED: ['fidelity', 'This part of fal is not emulated.'],
  E_CANCELLED: ['cancelled', 'The operation was cancelled.'],
  E_INTERNAL: ['system', 'An unexpected error inside Windtunnel.'],
} as const satisfies Record<string, readonly [ErrorKind, string]>;

export type ErrorCode = keyof typeof ERROR_CODES;

export interface ErrorDetails {
  /** What to do about it, one imperative sentence. */
  hint?: string;
  /** Commands or settings that mend it, ready to be run or clicked. */
  actions?: readonly string[];
  cause?: unknown;
  /** Long text that belongs to the error: a traceback, a resolver's own words. */
  detail?: string;
}

/** The one error class. `message` is one clear line: what, where. */
export class WindtunnelError extends Error {
  readonly code: ErrorCode;
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly actions: readonly string[];
  readonly detail: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'WindtunnelError';
    this.code = code;
    this.kind = ERROR_CODES[code][0];
    this.hint = details.hint;
    this.actions = details.actions ?? [];
    this.detail = details.detail;
  }

  toJSON(): SerializedError {
    return {
      code: this.code,
      kind: this.kind,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(this.actions.length > 0 ? { actions: [...this.actions] } : {}),
      ...(this.detail === undefined ? {} : { detail: this.detail }),
    };
  }
}

export interface SerializedError {
  code: ErrorCode;
  kind: ErrorKind;
  message: string;
  hint?: string;
  actions?: string[];
  detail?: string;
}

/** Any thrown value as a WindtunnelError: a full disk by its name, what else is none as E_INTERNAL with its cause. */
export function toWindtunnelError(thrown: unknown): WindtunnelError {
  if (thrown instanceof WindtunnelError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (isDiskFull(thrown)) {
    return new WindtunnelError('E_DISK_FULL', `The disk is full: ${message}`, {
      hint: 'Free some space (`windtunnel clean` removes cached environments), then try again.',
      cause: thrown,
    });
  }
  return new WindtunnelError('E_INTERNAL', message, { cause: thrown });
}

/** Whether a system call failed for want of room or of quota. */
export function isDiskFull(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT');
}
