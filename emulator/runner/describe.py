"""Prints the settings of one app as the SDK sees them, as JSON: describe.py FILE SYMBOL ROOT...

Run by environments/describe.ts with the app's own Python. Keys are those of AppSettings in contract/app.ts.
"""

import json
import os
import sys
import types

HERE = os.path.dirname(os.path.abspath(__file__))
_package = types.ModuleType("_windtunnel")
_package.__path__ = [HERE]
sys.modules["_windtunnel"] = _package

# Settings that stand in the SDK's options under their own name.
HOST_KEYS = (
    "app_files_context_dir",
    "requirements_context_dir",
    "metrics_port",
    "keep_alive",
    "min_concurrency",
    "max_concurrency",
    "concurrency_buffer",
    "concurrency_buffer_perc",
    "scaling_delay",
    "max_multiplexing",
    "request_timeout",
    "request_start_timeout",
    "startup_timeout",
    "termination_grace_period_seconds",
    "secrets",
    "regions",
    "data_mounts",
    "num_gpus",
    "app_files_ignore",
)


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def plain(value):
    """JSON-ready form of a value of the SDK; None where it has none."""
    for method in ("to_dict", "model_dump", "_asdict"):
        if hasattr(value, method):
            return plain(getattr(value, method)())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)


def as_list(value, default):
    if value is None:
        return default
    return list(value) if isinstance(value, (list, tuple)) else [value]


def layers(requirements):
    requirements = list(requirements or [])
    if not requirements:
        return []
    return requirements if isinstance(requirements[0], list) else [requirements]


def own_requirements(requirements):
    """Without those that the SDK adds for serve=True: they come with the environment's own fal."""
    from fal.api.api import SERVE_REQUIREMENTS

    own = []
    for item in requirements or []:
        if isinstance(item, list):
            item = [name for name in item if name not in SERVE_REQUIREMENTS]
        if item and item not in SERVE_REQUIREMENTS:
            own.append(item)
    return own


def health_check(config):
    """HealthCheck of the contract from the SDK's ApplicationHealthCheckConfig."""
    if config is None:
        return None
    names = ("start_period_seconds", "timeout_seconds", "failure_threshold", "call_regularly", "allow_on_busy")
    check = {camel(name): plain(getattr(config, name, None)) for name in names}
    return {"path": config.path, "method": getattr(config, "method", None) or "GET", **check}


def settings(target):
    """AppSettings of a fal.App class or a fal.function."""
    from fal.app import App

    if isinstance(target, type) and issubclass(target, App):
        host = dict(target.host_kwargs)
        if "keep_alive" not in getattr(target, "_explicit_host_kwargs", {"keep_alive"}):
            host.pop("keep_alive", None)  # the SDK's default, which is the platform's
        for name in ("num_gpus", "regions", "requirements_context_dir"):
            host[name] = getattr(target, name, None)
        machine, requirements = target.machine_type, target.requirements
        environment = {
            "kind": host.get("kind"),
            "python_version": host.get("python_version"),
            "image": host.get("image"),
        }
        name, auth, port = target.app_name, target.app_auth, None
        modules = target.local_python_modules
        health = target.get_health_check_config() if hasattr(target, "get_health_check_config") else None
    else:
        host, environment = dict(target.options.host), target.options.environment
        machine, requirements = host.get("machine_type"), own_requirements(environment.get("requirements"))
        name, auth = target.app_name, target.app_auth
        port = None if target.options.gateway.get("serve") else target.options.gateway.get("exposed_port")
        modules = None
        health = host.get("health_check_config")
    result = {camel(key): plain(host.get(key)) for key in HOST_KEYS}
    image = environment.get("image")
    result.update(
        appName=name,
        appAuth=auth,
        machineTypes=as_list(machine, ["S"]),
        kind="container" if image else environment.get("kind") or "virtualenv",
        pythonVersion=environment.get("python_version"),
        requirements=layers(requirements),
        image=plain(image),
        localPythonModules=as_list(modules, []),
        appFiles=as_list(host.get("app_files"), []),
        exposedPort=port,
        healthCheck=health_check(health),
        skipRetryConditions=as_list(host.get("skip_retry_conditions"), []),
        retryConfig=plain(host.get("retry_config")),
    )
    return result


def main():
    # What the module prints must not get into the answer.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    file, symbol, *roots = sys.argv[1:]
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != HERE]
    sys.path.extend(roots)
    from _windtunnel import payloads, user_errors

    try:
        module = payloads.run_file(file)
        result = {"settings": settings(payloads.find(module, symbol))}
    except BaseException as error:  # noqa: BLE001 - the module is the user's: whatever it raises is the answer
        result = {"error": user_errors.describe(error)}
    json.dump(result, answer)
    answer.flush()
    # Threads that the module started must not keep us.
    os._exit(0)


if __name__ == "__main__":
    main()
