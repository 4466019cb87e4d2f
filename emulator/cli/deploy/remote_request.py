"""One request through a fal queue, with what it said and how long it took."""

import hashlib
import re
import time

POLL_SECONDS = 0.25
# Files of a result that are compared by their content.
LARGEST_FILE = 64 * 1024 * 1024


def run(base, path, body, headers, progress):
    import httpx

    with httpx.Client(headers=headers, timeout=60) as client:
        started = time.monotonic()
        answer = client.post(base + path, json=body)
        if answer.status_code >= 400:
            return {"refused": True, "status": answer.status_code, "body": parsed(answer), "logs": [], "seconds": 0}
        request = answer.json()
        progress("request %s" % request["request_id"])
        began, seen, logs, metrics = None, None, [], {}
        while True:
            status = client.get(request["status_url"], params={"logs": 1}).json()
            if status["status"] != seen:
                seen = status["status"]
                progress(seen)
            if began is None and seen != "IN_QUEUE":
                began = time.monotonic()
            logs = status.get("logs") or logs
            if seen == "COMPLETED":
                metrics = status.get("metrics") or {}
                break
            time.sleep(POLL_SECONDS)
        result = client.get(request["response_url"])
        ended = time.monotonic()
        value = parsed(result)
        return {
            "refused": False,
            "request": request["request_id"],
            "status": result.status_code,
            "body": value,
            "logs": [line.get("message", "") for line in logs],
            "files": {url: content(client, url) for url in sorted(file_urls(value))},
            "queued": began - started,
            "ran": metrics.get("inference_time"),
            "seconds": ended - started,
        }


def parsed(answer):
    try:
        return answer.json()
    except ValueError:
        return answer.text


def file_urls(value):
    """URLs of the CDN anywhere in a result."""
    if isinstance(value, dict):
        return set().union(*(file_urls(item) for item in value.values()), set())
    if isinstance(value, list):
        return set().union(*(file_urls(item) for item in value), set())
    is_file = isinstance(value, str) and re.match(r"https://v3b?\.fal\.media/files/", value)
    return {value} if is_file else set()


def content(client, url):
    import httpx

    try:
        data = b""
        with client.stream("GET", url) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                data += chunk
                if len(data) > LARGEST_FILE:
                    return {"error": "larger than %d bytes" % LARGEST_FILE}
        return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    except httpx.HTTPError as error:
        return {"error": "%s: %s" % (type(error).__name__, error)}
