"""`python sees.py queue|direct CALLS [START_TIMEOUT]`: what fal_client makes of so many calls; one JSON list on stdout."""

import json
import sys

import fal_client
import httpx

APP = "local/steady"


def one(mode, n, start_timeout):
    if mode == "direct":
        return fal_client.run(APP, arguments={"n": n})
    extra = {} if start_timeout is None else {"start_timeout": start_timeout}
    handle = fal_client.submit(APP, arguments={"n": n}, **extra)
    return handle.get()


def main():
    mode, calls, *rest = sys.argv[1:]
    seen = []
    for n in range(int(calls)):
        try:
            seen.append({"result": one(mode, n, float(rest[0]) if rest else None)})
        except fal_client.FalClientHTTPError as error:
            seen.append(
                {
                    "status": error.status_code,
                    "type": error.error_type,
                    "text": str(error),
                    "timeout": error.response_headers.get("x-fal-request-timeout-type"),
                }
            )
        except httpx.HTTPError as error:
            seen.append({"broken": type(error).__name__})
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
