"""What `windtunnel deploy` and `compare` ask of the user's own fal, in the user's own Python and environment.

fal_project.py COMMAND, with its parameters as JSON on stdin; prints JSON lines, the last one with the answer. No key is printed.
"""

import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]


def failure(error):
    """What is told of an exception: its type, its words, the traceback without our own frames."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((HERE, "<frozen"))]
    lines = traceback.format_list(own) + traceback.format_exception_only(type(error), error)
    return {"type": type(error).__name__, "message": str(error), "traceback": "".join(lines)}


def attempt(work):
    try:
        return {"value": work()}
    except Exception as error:  # noqa: BLE001 - an answer of its own: the other questions are still asked
        return {"error": failure(error)}


def client_of(options):
    from fal.api.client import SyncServerlessClient

    return SyncServerlessClient(profile=options.get("profile"), team=options.get("team"))


def account(options):
    """Who deploys, and where to; whence the key comes, never the key."""
    from fal import flags
    from fal.config import Config

    config = Config(profile=options.get("profile"))
    if os.environ.get("FAL_FORCE_AUTH_BY_USER") == "1":
        source = "login"
    elif os.environ.get("FAL_KEY"):
        source = "FAL_KEY"
    elif config.get("key"):
        source = "profile"
    elif "FAL_KEY_ID" in os.environ and "FAL_KEY_SECRET" in os.environ:
        source = "FAL_KEY_ID"
    else:
        source = "login"
    return {
        "profile": config.profile,
        "team": options.get("team") or config.get_internal("team"),
        "key": source,
        "host": flags.GRPC_HOST,
        "runHost": flags.FAL_RUN_HOST,
        "config": config.config_path,
    }


def versions():
    from importlib.metadata import version

    return {"fal": version("fal"), "python": "%d.%d.%d" % sys.version_info[:3]}


def inspect(options):
    """Everything about the file and about what is deployed; each part for itself."""
    client = client_of(options)
    loaded = attempt(lambda: load(client, options))
    facts = {"versions": versions(), "account": account(options), "app": loaded, "remote": None}
    app = loaded.get("value")
    facts["remote"] = attempt(lambda: remote(client, options, app["alias"] if app else None))
    return facts


def load(client, options):
    """The app as `fal deploy` would send it."""
    import deploy_facts
    from fal import utils
    from fal.sdk import construct_alias

    started = time.monotonic()
    before = set(sys.modules)
    host = client._create_host(local_file_path=options["file"], environment_name=options.get("env"))
    loaded = utils.load_function_from(
        host, options["file"], options.get("symbol"), app_name=options.get("appName"), app_auth=options.get("auth")
    )
    imported = time.monotonic() - started
    facts = deploy_facts.describe(loaded)
    return {
        **facts,
        "name": loaded.app_name,
        "alias": construct_alias(loaded.app_name, options.get("env")),
        "importSeconds": imported,
        "pickle": deploy_facts.pickled(loaded.function.func, facts["requirements"], os.path.dirname(options["file"])),
        "code": deploy_facts.code(loaded, options["file"], set(sys.modules) - before),
    }


def remote(client, options, alias):
    """What the control plane holds of this app."""
    import httpx
    from fal.api import deploy as deploy_api

    user = deploy_api._get_user(client._create_rest_client()).username
    env = options.get("env")
    apps = [app for app in client.apps.list(environment_name=env) if app.alias == alias]
    secrets = sorted(secret.name for secret in client.secrets.list(environment_name=env))
    metadata = {}
    if apps:
        url = "%s/applications/%s/%s/metadata" % (client._rest_url, user, alias)
        answer = httpx.get(url, headers=client._credentials.to_headers(), timeout=30)
        if answer.status_code == 200:
            metadata = answer.json()
    return {
        "user": user,
        "deployed": scale(apps[0]) if apps else None,
        "secrets": secrets,
        "annotations": metadata.get("annotations") or {},
    }


SCALE = (
    "keep_alive",
    "max_concurrency",
    "min_concurrency",
    "concurrency_buffer",
    "concurrency_buffer_perc",
    "scaling_delay",
    "max_multiplexing",
    "request_timeout",
    "request_start_timeout",
    "startup_timeout",
)


def scale(alias):
    values = {name: getattr(alias, name, None) for name in SCALE}
    return {
        "revision": alias.revision,
        "auth": alias.auth_mode,
        "machines": list(alias.machine_types),
        "regions": list(alias.valid_regions),
        "scale": values,
    }


def say(**line):
    ANSWER.write(json.dumps(line) + "\n")
    ANSWER.flush()


def healthy(options):
    """Waits until the alias is another revision than before, done rolling, and answers."""
    import httpx

    client = client_of(options)
    run = run_url(options)
    env, alias, before = options.get("env"), options["alias"], options.get("before")
    name = options["name"]
    deadline = time.monotonic() + options["seconds"]
    seen = None
    while True:
        [app] = [one for one in client.apps.list(environment_name=env) if one.alias == alias] or [None]
        state = "the alias %s is not there yet" % alias
        if app is not None and app.revision == before:
            state = "the alias still serves revision %s" % before
        elif app is not None:
            path = options.get("healthPath") or "/health"
            method = options.get("healthMethod") or "GET"
            try:
                answer = httpx.request(method, run + path, headers=client._credentials.to_headers(), timeout=60)
                status = answer.status_code
                state = "%s %s answers %d" % (method, path, status)
                # An app of one's own server need not know the path: a runner that serves is as good an answer.
                if 200 <= status < 300 or (status in (404, 405) and serves(client, name, env, app.revision)):
                    return {"revision": app.revision, "url": run, "checked": state}
            except httpx.HTTPError as error:
                state = "%s: %s" % (type(error).__name__, error)
        if state != seen:
            say(progress=state)
            seen = state
        if time.monotonic() > deadline:
            return {"revision": app.revision if app else None, "url": run, "checked": state, "late": True}
        time.sleep(1)


def serves(client, name, env, revision):
    runners = client.apps.runners(name, environment_name=env)
    return any(one.revision == revision and one.state.value in ("RUNNING", "IDLE") for one in runners)


def run_url(options):
    from fal import flags

    return "https://%s/%s/%s" % (flags.FAL_RUN_HOST, options["user"], options["alias"])


def request(options):
    """One request through the remote queue: its answer, its lines, its times."""
    import remote_request
    from fal import flags
    from fal.api import deploy as deploy_api

    client = client_of(options)
    owner = options.get("owner") or deploy_api._get_user(client._create_rest_client()).username
    base = "https://%s/%s/%s" % (flags.FAL_QUEUE_RUN_HOST, owner, options["app"])
    headers = client._credentials.to_headers()
    done = remote_request.run(base, options["path"], options["input"], headers, lambda text: say(progress=text))
    return {"app": "%s/%s" % (owner, options["app"]), "host": flags.GRPC_HOST, **done}


def holdings(options):
    """What the account holds: apps with their revisions and living runners, and the names of secrets."""
    from fal.api import deploy as deploy_api
    from fal.sdk import FalServerlessClient

    client = client_of(options)
    user = deploy_api._get_user(client._create_rest_client()).username
    env = options.get("env")
    with FalServerlessClient(client._grpc_host, client._credentials).connect() as connection:
        apps = [held(connection, alias, env) for alias in connection.list_aliases(environment_name=env)]
    secrets = sorted(secret.name for secret in client.secrets.list(environment_name=env))
    return {"account": account(options), "user": user, "apps": apps, "secrets": secrets}


GONE = ("DEAD", "TERMINATED")


def held(connection, alias, env):
    # Both calls put the environment's suffix on the name themselves.
    name = alias.alias[: -len("--" + env)] if env and alias.alias.endswith("--" + env) else alias.alias
    revisions = connection.list_applications(name, environment_name=env)
    runners = connection.list_alias_runners(alias=name, environment_name=env)
    return {
        "alias": alias.alias,
        "revision": alias.revision,
        "auth": alias.auth_mode,
        "machines": list(alias.machine_types),
        "revisions": [
            {"id": one.application_id, "createdAt": one.created_at.isoformat()}
            for one in sorted(revisions, key=lambda one: one.created_at, reverse=True)
        ],
        "runners": [
            {
                "id": one.runner_id,
                "state": one.state.value,
                "machine": one.machine_type,
                "inFlight": one.in_flight_requests,
            }
            for one in runners
            if one.state.value not in GONE
        ],
    }


COMMANDS = {"inspect": inspect, "healthy": healthy, "request": request, "holdings": holdings}

if __name__ == "__main__":
    # What the user's module prints must not get into the answer.
    ANSWER = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sys.path.insert(0, HERE)
    parameters = json.loads(sys.stdin.read())
    try:
        say(answer=COMMANDS[sys.argv[1]](parameters))
    except Exception as error:  # noqa: BLE001 - told to the user by the caller
        say(error=failure(error))
    # Threads that the user's module started must not keep us.
    os._exit(0)
