// Long: the composition root, where every part is made and given its others.
import { randomBytes } from 'node:crypto';
import { readFileSync, rmdirSync, rmSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Host, workspacePaths } from '../client/paths.ts';
import { claimWorkspace } from '../client/registry.ts';
import { type Config, toWindtunnelError, VERSION, WindtunnelError } from '../contract/index.ts';
import { AppLauncher } from '../control/apps/app-launcher.ts';
import { checkSyntax } from '../control/apps/check-syntax.ts';
import { loadConfig } from '../control/config/load-config.ts';
import { KeyRing } from '../control/keys/key-ring.ts';
import { appEnv } from '../control/secrets/app-env.ts';
import { LiveRedactor } from '../control/secrets/live-redactor.ts';
import { proxyPasswords } from '../control/secrets/proxy-passwords.ts';
import { RedactingEventBus } from '../control/secrets/redacting-bus.ts';
import { redactingEngine } from '../control/secrets/redacting-engine.ts';
import { SecretStore } from '../control/secrets/secret-store.ts';
import { Audience } from '../control/server/audience.ts';
import { startControlServer } from '../control/server/control-server.ts';
import { ownFolder } from '../control/server/own-folder.ts';
import { controlRoutes, controlUpgrades } from '../control/server/routes.ts';
import { ignoreRules } from '../control/watch/ignore-rules.ts';
import { SourceWatch } from '../control/watch/source-watch.ts';
import { createController } from '../controller/create-controller.ts';
import { assetUrl } from '../core/assets.ts';
import { systemClock } from '../core/clock.ts';
import { DisposableStore } from '../core/disposable.ts';
import type { Log } from '../core/log.ts';
import type { EngineGpus, RunnerEngine } from '../engines/engine.ts';
import { systemGpuProbes } from '../engines/gpus/detect-gpus.ts';
import { gpuMemory } from '../engines/gpus/gpu-memory.ts';
import { createProcessEngine } from '../engines/process/process-engine.ts';
import { createEnvironments } from '../environments/create-environments.ts';
import { describeApp } from '../environments/describe.ts';
import { createImageEnvironments } from '../environments/image/image-environments.ts';
import { createFinder } from '../find/finder.ts';
import { createFleet } from '../fleet/create-fleet.ts';
import { createGateway } from '../gateway/gateway.ts';
import { issueLeaves, loadOrMakeCa } from '../gateway/port/ca-store.ts';
import { createPort, type Port } from '../gateway/port/port.ts';
import { routeFromEnv } from '../gateway/port/upstream.ts';
import { WebhookDeliverer } from '../gateway/webhooks/deliverer.ts';
import { WebhookSigner } from '../gateway/webhooks/signer.ts';
import { openStore } from '../store/open-store.ts';
import { makeCaBundles } from './ca-bundles.ts';
import { dockerParts } from './docker-parts.ts';
import { originalEnv } from './exec-env.ts';
import { tightenHeap } from './heap-limits.ts';
import { gpuPolicy, hostGpus } from './host-gpus.ts';
import { collectWhenIdle } from './idle-collector.ts';
import { openLogFile } from './log-file.ts';
import { defaultOwner } from './owner.ts';
import { remoteDoors } from './remote-doors.ts';
import { runnerParentEnv } from './runner-environment.ts';
import { testFaults } from './test-faults.ts';

export interface StartOptions {
  host: Host;
  /** Real path. */
  workspace: string;
  /** `--port`; 0 for any free one, null for the configuration's. */
  port: number | null;
  /** `--listen`: where other machines are served as well. Null or absent: nowhere. */
  listen?: string | null;
  /** Seconds after which it ends by itself once nobody follows its events any more. Null or absent: never. */
  linger?: number | null;
  /** Told what a person at the terminal should see at once. */
  note: (line: string) => void;
}

export interface RunningEmulator {
  url: string;
  /** Resolves when everything of it is gone, whoever asked for its end. */
  ended: Promise<void>;
  /** Stops it in order and leaves nothing; the same promise each time. */
  dispose(): Promise<void>;
}

const DEFAULT_PORT = 8799;

/**
 * The composition root: one emulator for one workspace, in this process. Null when a live process has the workspace already.
 * What is made first is stopped last: the port and the control API close before the fleet, the fleet before its engine, all
 * before the store; the lock goes at the very end.
 */
export async function startEmulator(options: StartOptions): Promise<RunningEmulator | null> {
  const { host, workspace } = options;
  if (host.platform === 'win32') {
    throw new WindtunnelError('E_PLATFORM', 'Windtunnel does not run on Windows itself.', { hint: 'Run it in WSL 2.' });
  }
  tightenHeap();
  const paths = workspacePaths(host, workspace);
  const config = loadConfig(workspace);
  const claim = claimWorkspace(paths);
  if (!claim) return null;
  const resources = new DisposableStore();
  resources.defer(() => claim.release());
  resources.add(collectWhenIdle(systemClock));
  try {
    return await assemble(options, config, claim, resources);
  } catch (error) {
    await resources.dispose();
    throw error;
  }
}

type Claim = NonNullable<ReturnType<typeof claimWorkspace>>;

async function assemble(
  { host, workspace, port: wantedPort, listen: listenTo = null, linger = null, note }: StartOptions,
  config: Config,
  claim: Claim,
  resources: DisposableStore,
): Promise<RunningEmulator> {
  const clock = systemClock;
  const startedAt = clock.now();
  const paths = workspacePaths(host, workspace);
  // Started under `exec`, the variables of the shell lead to an emulator, perhaps to this one: the user's own count.
  const env = originalEnv(host.env);
  // Before anything in it is read: the records of a sweep name folders to remove.
  ownFolder(paths.user.runtime);
  resources.defer(() => removeRuntime(paths.runners, paths.user.runtime));
  const redactor = new LiveRedactor();
  const debug = Boolean(env.WINDTUNNEL_DEBUG);
  const { log } = resources.add(openLogFile({ file: paths.log, clock, redactor, debug, warn: note }));
  const bus = new RedactingEventBus(clock, redactor);
  const secrets = new SecretStore(paths.user.secrets, clock);
  redactor.learn([...secrets.everyValue(), ...proxyPasswords(env)]);
  const owner = config.owner ?? defaultOwner(host);
  const keys = KeyRing.open(paths.keys, clock, owner);
  const ca = loadOrMakeCa(paths.ca, clock, log);
  const parentEnv = runnerParentEnv(env);
  const roots = makeCaBundles(parentEnv, { ca: ca.cert, dir: join(paths.state, 'bundles') });

  const faults = testFaults(env);
  const store = await openStore({ dir: paths.store, clock, log: log.child('store'), ...faults });
  resources.add(store);
  const venvs = createEnvironments({
    cacheDir: paths.user.root,
    env,
    clock,
    log: log.child('environments'),
    workspaceDir: workspace,
    ...(config.python === undefined ? {} : { pythonSetting: absolute(workspace, config.python) }),
  });
  const gpus = await hostGpus(config.gpus ?? {}, env);
  const processEngine = createProcessEngine({
    clock,
    log: log.child('engine'),
    gpus: gpus.cards,
    runtimeDir: paths.runners,
    gatewayPort: () => port.address.port,
    harnessDir: fileURLToPath(assetUrl('runner')),
    parentEnv,
  });
  const docker = dockerParts({
    host,
    env,
    workspace,
    state: paths.state,
    log: log.child('docker'),
    gatewayPort: () => port.address.port,
    parentEnv,
    network: config.docker?.network ?? null,
    gpus,
  });
  const engines = {
    process: redactingEngine(processEngine, () => redactor),
    docker: redactingEngine(docker.engine, () => redactor),
  };
  resources.add(engines.process);
  resources.add(engines.docker);
  docker.sweepIfUsed();
  for (const line of await engines.process.sweep()) log.info('removed what a dead emulator left', { what: line });
  for (const key of await venvs.sweep()) log.info('removed a half-built environment', { key });

  const recipeOptions = {
    base: config.docker?.baseImage ?? null,
    caBundle: readFileSync(roots.files.SSL_CERT_FILE ?? '', 'utf8'),
  };
  const environments = createImageEnvironments({
    clock,
    venvs,
    recipe: (request, report, signal) => venvs.recipe(request, recipeOptions, report, signal),
    builder: docker.builder,
  });

  // Read anew each time: a change of the file counts without a restart.
  const envFiles = () => (loadConfig(workspace).envFiles ?? ['.env']).map((file) => absolute(workspace, file));
  const runnerKeys = new Map<string, string>();
  const fleet = createFleet({
    store,
    engines,
    environments,
    clock,
    log: log.child('fleet'),
    bus,
    tunnel: (stream, target, from) => port.adoptTunnel(stream, target, from),
    dataDir: paths.user.data,
    runnerEnv: (_definition, runner) => {
      const key = runnerKeys.get(runner) ?? keys.issueRunner();
      runnerKeys.set(runner, key);
      const [id = '', secret = ''] = key.split(':');
      return { ...roots.files, FAL_KEY: key, FAL_KEY_ID: id, FAL_KEY_SECRET: secret };
    },
    redact: (text) => redactor.redact(text),
    constants: config.platform ?? {},
    gpuPolicy: gpuPolicy(config.gpus ?? {}),
    gpuMemory: gpuMemory(systemGpuProbes({ ...env })),
    failpoints: faults.failpoints,
  });
  resources.add(fleet);
  bus.on((event) => {
    // The whole of an installation, of which a terminal shows one line.
    if (event.type === 'environment.progress') log.info(event.message, { app: event.app });
    if (event.type !== 'runner.exit') return;
    const key = runnerKeys.get(event.runner);
    if (key !== undefined) keys.revokeRunner(key);
    runnerKeys.delete(event.runner);
  });

  const webhookSigner = new WebhookSigner(keys.webhookKey);
  const controller = createController({
    engine: config.engine ?? 'auto',
    owner,
    workspace,
    fleet,
    documents: store.documents,
    environments,
    keys,
    secrets,
    secretEnv: (environment, names) => {
      const own = environment === 'main' ? envFiles() : [];
      const stored = names === null ? secrets.values(environment) : secrets.allValues(environment);
      const { env: values } = appEnv({ envFiles: own, secrets: stored, allowed: names });
      redactor.learn(Object.values(values));
      return values;
    },
    buildSecrets: (environment) => {
      const values = secrets.allValues(environment);
      // They stand in what installers and builds print.
      redactor.learn(Object.values(values));
      return values;
    },
    redact: (text) => redactor.redact(text),
    bus,
    clock,
    log,
    blobsDir: join(paths.state, 'uploads'),
    dataDir: paths.user.data,
    publicUrl: () => port.address.url,
  });
  resources.add(controller);
  const gateway = createGateway({
    fleet,
    clock,
    log,
    bus,
    keys,
    tokenSecret: keys.tokenSecret,
    config: { origins: config.origins, requireKey: config.requireKey },
    kv: store.kv,
    jwks: () => webhookSigner.jwks(),
    filesDir: paths.files,
    newBodyFile: () => store.newBodyFile(),
    publicUrl: () => port.address.url,
    admin: controller,
  });
  resources.add(gateway);
  const port = createPort({
    leaves: issueLeaves(ca, clock),
    clock,
    log: log.child('port'),
    onRequest: (request, response, context) => gateway.onRequest(request, response, context),
    onUpgrade: (request, stream, head, context) => gateway.onUpgrade(request, stream, head, context),
    onHttp2: (stream) => controller.onHttp2(stream),
    authorizeProxy: (_user, password) => {
      const key = keys.execKey(password);
      return key && { id: key.id, route: routeFromEnv(key.proxyEnv) };
    },
  });
  resources.add(port);
  const { url } = await listen(port, wantedPort ?? config.port ?? null, log);
  const remote = listenTo === null ? null : await listenRemote(port, listenTo, paths.ca);
  resources.add(
    new WebhookDeliverer({
      store,
      bus,
      clock,
      log: log.child('webhooks'),
      signer: webhookSigner,
      user: owner,
      publicUrl: () => url,
      retrySeconds: config.webhooks?.retrySeconds,
    }),
  );

  const finder = await createFinder({ wasmDir: fileURLToPath(new URL('.', assetUrl('treeSitterWasm'))) });
  const ignored = ignoreRules(workspace, [paths.user.root, paths.user.runtime], config.watch?.ignore);
  const launcher = new AppLauncher({
    workspace,
    owner,
    machine: { gpus: (engine) => askGpus(engines[engine], log) },
    defaultEngine: config.engine ?? 'auto',
    envFiles,
    ignored,
    secrets,
    apps: fleet.apps,
    environments,
    events: bus,
    log: log.child('apps'),
    findApps: (file) => finder.findInFile(file),
    describeApp: (python, found, searched, signal) =>
      describeApp(python, found.file, found.symbol, { clock, roots: searched, env: parentEnv, signal }),
    checkSyntax,
    onSecrets: (values) => redactor.learn(values),
    watch: (targets, changed) =>
      new SourceWatch({
        workspace,
        clock,
        ignored,
        targets,
        changed,
        notice: (message) => bus.emit({ type: 'emulator.notice', level: 'warn', code: 'watch', message }),
      }),
  });
  resources.add(launcher);

  const token = randomBytes(24).toString('hex');
  let markEnded: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    markEnded = resolve;
  });
  let disposal: Promise<void> | null = null;
  const dispose = () => {
    disposal ??= resources.dispose().finally(() => markEnded());
    return disposal;
  };
  const audience = new Audience(clock, linger, () => {
    log.info('nobody follows any more: the emulator ends');
    dispose().catch((error: unknown) => log.error('the shutdown failed', { error }));
  });
  resources.add(audience);
  const routes = controlRoutes({
    hello: () => ({
      version: VERSION,
      pid: process.pid,
      workspace,
      url,
      startedAt,
      requireKey: config.requireKey ?? false,
    }),
    fleet,
    launcher,
    secrets,
    events: bus,
    audience,
    grant: ({ label, proxyEnv, deploys }) => {
      redactor.learn(proxyPasswords(proxyEnv));
      // Refused before any program runs with it: a proxy of a kind that cannot be passed through.
      routeFromEnv(proxyEnv);
      if (deploys) processEngine.startAhead?.();
      return { secret: keys.issueExec(label, proxyEnv), url, caFile: ca.certFile };
    },
    shutdown: () => {
      dispose().catch((error: unknown) => log.error('the shutdown failed', { error }));
    },
  });
  await controller.restore();
  const upgrades = controlUpgrades(fleet);
  resources.add(await startControlServer({ socket: paths.socket, token, routes, upgrades, log: log.child('control') }));
  claim.publish({ version: VERSION, workspace, socket: paths.socket, token, url, ...(remote ? { remote } : {}) });
  bus.emit({ type: 'emulator.ready', url, version: VERSION });
  return { url, ended, dispose };
}

/** For the choice of an engine, not for running (ms). */
const ASK_MS = 2_000;

async function askGpus(engine: RunnerEngine, log: Log): Promise<EngineGpus | null> {
  try {
    return await engine.gpus(AbortSignal.timeout(ASK_MS));
  } catch (error) {
    log.debug('no engine to ask for its GPUs', { engine: engine.name, why: toWindtunnelError(error).message });
    return null;
  }
}

/** Leaves no empty folder of sockets behind; another workspace's emulator may still use the outer one. */
function removeRuntime(runners: string, runtime: string): void {
  rmSync(runners, { recursive: true, force: true });
  try {
    rmdirSync(runtime);
  } catch (error) {
    const kept =
      error instanceof Error && 'code' in error && ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(String(error.code));
    if (!kept) throw error;
  }
}

/** Serves other machines as well. */
async function listenRemote(port: Port, listen: string, dir: string): Promise<{ url: string; caFile: string }> {
  const doors = await remoteDoors(listen, { port: port.address.port, dir, clock: systemClock });
  for (const address of doors.addresses) await port.listenRemote(address);
  return { url: doors.url, caFile: doors.caFile };
}

/** A port that was asked for must be free; the default one gives way. */
async function listen(port: Port, wanted: number | null, log: Log): Promise<{ url: string }> {
  if (wanted !== null) return port.listen(wanted);
  try {
    return await port.listen(DEFAULT_PORT);
  } catch (thrown) {
    const error = toWindtunnelError(thrown);
    if (error.code !== 'E_PORT_TAKEN') throw error;
    log.info('the default port is taken, another one is used', { reason: error.message });
    return port.listen(0);
  }
}

const absolute = (workspace: string, path: string): string => (isAbsolute(path) ? path : join(workspace, path));
