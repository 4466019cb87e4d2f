"""Conformance cases of the official Python clients (fal_client, sync and async; fal.apps; raw httpx where no SDK has the knob).

Run under `windtunnel exec`: the clients here believe they talk to the cloud. A case raises when the behaviour is not fal's.
"""

import asyncio
import base64
import hashlib
import http.server
import json
import os
import tempfile
import threading
import time
import uuid

import fal.apps
import fal_client
import httpx

APP = os.environ.get("WT_APP", "local/probe")
LINE = os.environ.get("WT_LINE", "local/line")
QUEUE = "https://queue.fal.run"
CASES = {}


def case(*numbers):
    def register(fn):
        for number in numbers:
            CASES[str(number)] = fn
        return fn

    return register


def uid():
    return uuid.uuid4().hex[:8]


def raw():
    return httpx.Client(headers={"Authorization": f"Key {os.environ['FAL_KEY']}"}, timeout=60)


def call(path, arguments, app=APP):
    return fal_client.subscribe(app, arguments=arguments, path=path)


def wait_for(read, done, seconds=15):
    end = time.monotonic() + seconds
    while True:
        value = read()
        if done(value):
            return value
        assert time.monotonic() < end, f"never came; last: {value}"
        time.sleep(0.05)


def raises(kind, fn, *args, **kwargs):
    try:
        value = fn(*args, **kwargs)
    except kind as error:
        return error
    raise AssertionError(f"returned {value!r} instead of raising {kind.__name__}")


@case(1)
def submit():
    handle = fal_client.submit(APP, arguments={"key": uid()})
    body = raw().post(f"{QUEUE}/{APP}", json={"key": uid()})
    assert body.status_code == 200, body.status_code
    sent = body.json()
    assert sent["status"] == "IN_QUEUE" and isinstance(sent["queue_position"], int), sent
    for key in ("request_id", "response_url", "status_url", "cancel_url"):
        assert isinstance(sent[key], str), key
    assert handle.get()["route"] == "/"


@case(2)
def handle_urls():
    handle = fal_client.submit(APP, arguments={"a": 1}, path="/sub/path")
    rebuilt = fal_client.SyncClient().get_handle(f"{APP}/sub/path", handle.request_id)
    for name in ("request_id", "response_url", "status_url", "cancel_url"):
        assert getattr(handle, name) == getattr(rebuilt, name), name
    assert rebuilt.get()["route"] == "/sub/path"


@case(3)
def sub_path():
    by_path = fal_client.submit(APP, arguments={"a": 1}, path="/sub/path")
    by_id = fal_client.submit(f"{APP}/sub/path", arguments={"a": 1})
    assert by_path.get() == by_id.get() == {"route": "/sub/path", "echo": {"a": 1}}
    assert isinstance(fal_client.status(APP, by_id.request_id), fal_client.Completed)


@case(5)
def trailing_slash():
    handle = fal.apps.submit(APP, arguments={"key": "slash"})
    assert handle.get()["route"] == "/"
    for tail in ("/status/", "/"):
        answer = raw().get(f"{QUEUE}/{APP}/requests/{handle.request_id}{tail}")
        assert answer.status_code == 200, (tail, answer.status_code)


@case(6)
def status_codes():
    handle = fal_client.submit(APP, arguments={"seconds": 0.6}, path="/sleep")
    seen = {}

    def read():
        answer = raw().get(handle.status_url)
        seen.setdefault(answer.json()["status"], set()).add(answer.status_code)
        return answer.json()["status"]

    wait_for(read, lambda s: s == "COMPLETED")
    assert seen.pop("COMPLETED") == {200}
    assert seen and all(codes == {202} for codes in seen.values()), seen
    done = fal.apps.RequestHandle(APP, handle.request_id).status(logs=True)
    assert isinstance(done, fal.apps.Completed), done


@case(7)
def position():
    key = uid()
    handles = [fal_client.submit(LINE, arguments={"key": f"{key}-{i}", "seconds": 0.5}) for i in range(4)]
    seen = []

    def read():
        status = handles[-1].status()
        if isinstance(status, fal_client.Queued):
            seen.append(status.position)
        return status

    wait_for(read, lambda s: isinstance(s, fal_client.Completed))
    assert seen[0] >= 2, seen
    assert seen == sorted(seen, reverse=True) and len(set(seen)) >= 2, f"position goes down: {seen}"


@case(8)
def logs_forms():
    key = uid()
    handle = fal_client.submit(APP, arguments={"key": key, "lines": 3, "pause": 0.05}, path="/logs")
    handle.get()
    assert handle.status(with_logs=False).logs is None
    lines = [line["message"] for line in handle.status(with_logs=True).logs]
    assert [f"line {i} of {key}" for i in range(3)] == [m for m in lines if key in m], lines
    forms = [raw().get(handle.status_url, params={"logs": v}).json()["logs"] for v in ("1", "true")]
    assert forms[0] == forms[1] and forms[0], forms
    for line in forms[0]:
        assert line["message"] and line["timestamp"] and line["level"] and line["source"] and "labels" in line, line
    off = raw().get(handle.status_url, params={"logs": "0"}).json()
    assert off["logs"] is None, off


@case(12)
def idempotent():
    handle = fal_client.submit(APP, arguments={"key": uid()})
    assert handle.get() == handle.get() == fal_client.result(APP, handle.request_id)


@case(13)
def early_result():
    handle = fal.apps.submit(APP, arguments={"seconds": 1}, path="/sleep")
    error = raises(httpx.HTTPStatusError, handle.fetch_result)
    assert 400 <= error.response.status_code < 500, error
    handle.get()


@case(14)
def unknown_id():
    rid = str(uuid.uuid4())
    for operation in (fal_client.status, fal_client.result, fal_client.cancel):
        error = raises(fal_client.FalClientHTTPError, operation, APP, rid)
        assert error.status_code == 404 and error.response.json()["status"] == "NOT_FOUND", error
    bad = raw().get(f"{QUEUE}/{APP}/requests/{rid}/status", headers={"Authorization": "Key some:body"})
    assert bad.status_code == 401 and "detail" in bad.json(), bad.text


@case(15)
def cancel_queued():
    key = uid()
    holder = fal_client.submit(LINE, arguments={"key": f"{key}-a", "seconds": 1})
    waiting = fal_client.submit(LINE, arguments={"key": f"{key}-b"})
    waiting.cancel()
    done = wait_for(waiting.status, lambda s: isinstance(s, fal_client.Completed))
    assert done.error_type == "client_cancelled", done
    holder.get()
    assert call("/order", {"prefix": key}, LINE)["order"] == [f"{key}-a"]
    error = raises(fal_client.FalClientHTTPError, waiting.get)
    assert error.status_code == 499 and error.error_type == "client_cancelled", error


@case(16)
def cancel_running():
    key = uid()
    handle = fal.apps.submit(APP, arguments={"key": key, "seconds": 15}, path="/cancellable")
    wait_for(lambda: call("/events", {"key": key})["events"], bool)
    handle.cancel()
    client = fal_client.SyncClient().get_handle(APP, handle.request_id)
    error = raises(fal_client.FalClientHTTPError, client.get)
    assert error.status_code == 499, error
    assert client.status().error_type == "client_cancelled", client.status()


@case(17)
def cancel_ignored():
    handle = fal.apps.submit(APP, arguments={"key": uid(), "seconds": 1}, path="/sleep")
    wait_for(handle.status, lambda s: isinstance(s, fal.apps.InProgress))
    handle.cancel()
    assert handle.get() == {"slept": 1}


@case(19)
def priority():
    key = uid()
    send = lambda name, **kw: fal_client.submit(LINE, arguments={"key": f"{key}-{name}", **kw.pop("args", {})}, **kw)  # noqa: E731
    handles = [send("first", args={"seconds": 1}), send("low", priority="low"), send("a"), send("b", priority="normal")]
    for handle in handles:
        handle.get()
    assert call("/order", {"prefix": key}, LINE)["order"] == [f"{key}-{n}" for n in ("first", "a", "b", "low")]


@case(21)
def start_timeout():
    key = uid()
    holder = fal_client.submit(LINE, arguments={"key": f"{key}-a", "seconds": 4})
    late = fal_client.submit(LINE, arguments={"key": f"{key}-b"}, start_timeout=1.5)
    error = raises(fal_client.FalClientHTTPError, late.get)
    assert error.status_code == 504, error
    assert error.response_headers["x-fal-request-timeout-type"] == "user", error.response_headers
    holder.get()
    assert call("/order", {"prefix": key}, LINE)["order"] == [f"{key}-a"], "the late one never reached the app"


@case(22)
def start_timeout_headers():
    key = uid()
    holder = fal_client.submit(LINE, arguments={"key": f"{key}-a", "seconds": 2.5})
    both = (
        raw()
        .post(
            f"{QUEUE}/{LINE}",
            json={"key": f"{key}-b"},
            headers={"X-Fal-Request-Start-Timeout": "1", "X-Fal-Request-Timeout": "60"},
        )
        .json()
    )
    done = wait_for(lambda: raw().get(both["response_url"]), lambda r: r.status_code != 400)
    assert done.status_code == 504, done.text
    for value in ("0", "0.1", "soon"):
        bad = raw().post(f"{QUEUE}/{LINE}", json={"key": "x"}, headers={"X-Fal-Request-Start-Timeout": value})
        assert bad.status_code == 400 and bad.json()["error_type"] == "bad_request", (value, bad.status_code, bad.text)
    holder.get()


@case(23)
def max_queue_length():
    key = uid()
    handles = [fal_client.submit(LINE, arguments={"key": f"{key}-{i}", "seconds": 0.6}) for i in range(3)]
    full = raw().post(f"{QUEUE}/{LINE}?fal_max_queue_length=1", json={"key": f"{key}-x"})
    assert full.status_code == 429, full.status_code
    room = raw().post(f"{QUEUE}/{LINE}?fal_max_queue_length=10", json={"key": f"{key}-y"})
    assert room.status_code == 200, room.status_code
    for handle in handles:
        handle.get()


@case(24)
def client_timeout():
    key = uid()
    raises(
        fal_client.FalClientTimeoutError,
        fal_client.subscribe,
        APP,
        arguments={"key": key, "seconds": 15},
        path="/cancellable",
        client_timeout=1.5,
    )
    wait_for(lambda: call("/events", {"key": key})["events"], lambda e: ["cancel", key] in e)


@case(33)
def validation():
    invalid = {"prompt": "x", "steps": 999}
    for call_it in (fal_client.run, fal_client.subscribe):
        error = raises(fal_client.FalClientHTTPError, call_it, f"{APP}/validate", arguments=invalid)
        assert error.status_code == 422, (call_it, error)
        assert sorted(d["loc"][-1] for d in error.response.json()["detail"]) == ["prompt", "steps"]
        assert error.response_headers["x-fal-billable-units"] == "0"


@case(35)
def unknown_path():
    error = raises(fal_client.FalClientHTTPError, fal_client.run, f"{APP}/nowhere", arguments={})
    assert error.status_code == 404, error
    assert error.response.json()["detail"] == "Path /nowhere not found", error.response.text
    assert error.response_headers["x-fal-billable-units"] == "0"


@case(38)
def redirects():
    for status, place in ((301, "/elsewhere"), (307, "https://example.com/x?y=1"), (303, "relative")):
        answer = {"status": status, "headers": {"location": place}, "content": "moved"}
        direct = raw().post(f"https://fal.run/{APP}/answer", json=answer)
        handle = fal_client.submit(APP, arguments=answer, path="/answer")
        wait_for(handle.status, lambda s: isinstance(s, fal_client.Completed))
        queued = raw().get(handle.response_url)
        for seen in (direct, queued):
            assert (seen.status_code, seen.headers["location"], seen.text) == (status, place, "moved"), seen.headers


@case(39)
def run():
    key = uid()
    assert fal_client.run(APP, arguments={"key": key})["calls"] == 1
    assert fal_client.run(f"{APP}/calls", arguments={"key": key})["calls"] == 1
    answer = raw().post(f"https://fal.run/{APP}", json={"key": key})
    assert len(answer.headers["x-fal-request-id"]) == 36

    async def again():
        return await fal_client.run_async(APP, arguments={"key": uid()})

    assert asyncio.run(again())["calls"] == 1


@case(40)
def disconnect():
    key = uid()

    def impatient():
        try:
            raw().post(f"https://fal.run/{APP}/cancellable", json={"key": key, "seconds": 15}, timeout=2)
        except httpx.ReadTimeout:
            pass

    thread = threading.Thread(target=impatient)
    thread.start()
    wait_for(lambda: call("/events", {"key": key})["events"], lambda e: ["cancel", key] in e)
    thread.join()


@case(42)
def stream():
    arrivals = [
        (event["n"], time.time() - event["at"])
        for event in fal_client.stream(APP, arguments={"events": 3, "pause": 0.4})
    ]
    assert [n for n, _ in arrivals] == [0, 1, 2]
    assert all(late < 0.3 for _, late in arrivals), arrivals

    async def again():
        return [e["n"] async for e in fal_client.stream_async(APP, arguments={"events": 2, "pause": 0.05})]

    assert asyncio.run(again()) == [0, 1]


@case(44)
def sse_under_json_accept():
    with raw().stream(
        "POST",
        f"https://fal.run/{APP}/stream",
        json={"events": 2, "pause": 0.05},
        headers={"Accept": "application/json"},
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream"), answer.headers
        assert "".join(answer.iter_text()).count("data: ") == 2


@case(53)
def uploads():
    from PIL import Image

    client = fal_client.SyncClient()
    data = os.urandom(200_000)
    url = client.upload(data, "application/octet-stream", file_name="noise.bin")
    back = httpx.get(url)
    assert back.content == data and back.headers["content-type"] == "application/octet-stream"
    part = httpx.get(url, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == data[10:20], part.status_code
    with tempfile.NamedTemporaryFile(suffix=".txt") as f:
        f.write(b"from a file")
        f.flush()
        assert httpx.get(client.upload_file(f.name)).content == b"from a file"
    picture = client.upload_image(Image.new("RGB", (5, 4), "green"), format="png")
    answer = httpx.get(picture)
    assert answer.headers["content-type"] == "image/png" and answer.content.startswith(b"\x89PNG")

    async def again():
        return await fal_client.AsyncClient().upload(data, "application/octet-stream")

    assert httpx.get(asyncio.run(again())).content == data
    fall_back = (
        raw()
        .post(
            "https://rest.fal.ai/storage/upload/initiate?storage_type=gcs",
            json={"file_name": "g.bin", "content_type": "application/octet-stream"},
        )
        .json()
    )
    put = httpx.put(fall_back["upload_url"], content=data, headers={"Content-Type": "application/octet-stream"})
    assert put.is_success, put.status_code
    assert httpx.get(fall_back["file_url"]).content == data


@case(54)
def large_uploads():
    client = fal_client.SyncClient()
    block = os.urandom(1024 * 1024)
    # No two parts alike: parts out of order have another hash.
    data = b"".join(number.to_bytes(4, "big") + block[4:] for number in range(101))
    want = hashlib.sha256(data).hexdigest()
    with tempfile.NamedTemporaryFile(suffix=".bin") as f:
        f.write(data)
        f.flush()
        urls = [client.upload_file(f.name), client.upload(data, "application/octet-stream")]
    for url in urls:
        got = hashlib.sha256()
        with httpx.stream("GET", url) as answer:
            for chunk in answer.iter_bytes():
                got.update(chunk)
        assert got.hexdigest() == want, url


@case(55)
def expiring_files():
    from fal_client.client import StorageACL, StorageACLRule, StorageSettings

    client = fal_client.SyncClient()
    acl = StorageACL(default="forbid", rules=[StorageACLRule(user="someone", decision="allow")])
    kept = client.upload(b"kept", "text/plain", lifecycle=StorageSettings(expires_in="1h", initial_acl=acl))
    short = client.upload(b"short", "text/plain", lifecycle=StorageSettings(expires_in=1))
    wait_for(lambda: httpx.get(short).status_code, lambda status: status == 404)
    assert httpx.get(kept).status_code == 403, "the ACL forbids it to who has no key"
    assert raw().get(kept).content == b"kept", "that of an hour is still there, for its owner"
    hidden = client.upload(b"x", "text/plain", lifecycle=StorageSettings(initial_acl=StorageACL(default="hide")))
    assert httpx.get(hidden).status_code == 404


@case(56)
def app_makes_files():
    made = fal_client.subscribe(
        APP,
        arguments={},
        path="/make",
        headers={"x-fal-object-lifecycle-preference": '{"expiration_duration_seconds": 3600}'},
    )
    assert httpx.get(made["image"]).content.startswith(b"\x89PNG")
    assert httpx.get(made["file"]).content == b"made in the app"
    assert httpx.get(made["path"]).content == bytes(range(256)) * 16
    assert httpx.get(made["bytes"]).content.startswith(b"\x89PNG")
    assert call("/headers", {})["context"]["lifecycle"] is not None, "always there, as on the platform"
    preference = {"expiration_duration_seconds": "3600"}
    headers = {"x-fal-object-lifecycle-preference": json.dumps(preference)}
    seen = fal_client.subscribe(APP, arguments={}, path="/headers", headers=headers)
    assert seen["context"]["lifecycle"] == preference, seen["context"]


@case(57)
def app_reads_uploads():
    from PIL import Image

    url = fal_client.SyncClient().upload_image(Image.new("RGB", (31, 17), "navy"), format="png")
    assert call("/read", {"image": {"url": url}})["size"] == [31, 17]
    local = url.replace("https://v3.fal.media", os.environ["WT_URL"])
    assert call("/read", {"image": {"url": local}})["size"] == [31, 17], "the local form works as well"
    urls = [
        "http://127.0.0.1:9/x",
        "http://localhost:22/x",
        "http://[::1]/x",
        "http://10.0.0.1/x",
        "http://172.17.0.1/x",
        "http://192.168.1.1/x",
        "http://169.254.169.254/latest/meta-data",
    ]
    refused = call("/guard", {"urls": urls})["refused"]
    for address, error in refused.items():
        assert error and "non-routable" in error, (address, error)


@case(58)
def kv_store():
    db = f"conformance-{uid()}"

    def kv(op, *args):
        return call("/kv", {"db": db, "op": op, "args": args})

    assert kv("get", "a") == {"answer": None}
    value = json.dumps({"n": 1, "text": "über"}, ensure_ascii=False)
    assert kv("set", "a", value) == {"answer": None}
    assert kv("set", "b/c", "x", 60) == {"answer": None}
    assert kv("get", "a") == {"answer": value} and kv("get", "b/c") == {"answer": "x"}
    assert "60" in kv("set", "a", "later", 59)["error"], "a ttl under a minute is refused"
    assert kv("get", "a") == {"answer": value}, "and changes nothing"
    for _ in range(2):
        assert kv("delete", "a") == {"answer": None}
    assert kv("get", "a") == {"answer": None}
    token = raw().post("https://rest.fal.ai/storage/auth/token?storage_type=fal-cdn-v3", json={}).json()
    auth = {"Authorization": f"{token['token_type']} {token['token']}"}
    # The same store from outside the app, as any program with the key has it.
    assert httpx.get(f"https://kv.fal.media/get/{db}/b/c", headers=auth).json() == {"value": "x"}
    assert httpx.get(f"https://kv.fal.media/get/{db}x/b/c", headers=auth).status_code == 404, "databases are apart"


class Receiver:
    """A webhook's receiver on localhost; keeps what it gets, answers by a list of statuses and then 200."""

    def __init__(self, answers=()):
        self.calls = []
        left = list(answers)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.calls.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(left.pop(0) if left else 200)
                self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://localhost:{self.server.server_port}/hook"

    def wait(self, count=1):
        return wait_for(lambda: self.calls, lambda calls: len(calls) >= count, 20)


def verify_webhook(headers, body):
    """As fal's documentation tells receivers to, with the key set that is published under fal's own name."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    parts = [headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp")]
    assert abs(time.time() - int(parts[2])) < 300, parts
    message = "\n".join([*parts, hashlib.sha256(body).hexdigest()]).encode()
    keys = httpx.get("https://rest.fal.ai/.well-known/jwks.json").raise_for_status().json()["keys"]
    for key in keys:
        raw_key = base64.urlsafe_b64decode(key["x"] + "=" * (-len(key["x"]) % 4))
        try:
            Ed25519PublicKey.from_public_bytes(raw_key).verify(bytes.fromhex(headers["x-fal-webhook-signature"]), message)
            return True
        except Exception:  # the key set may hold others: the next one
            continue
    return False


@case(59)
def webhooks():
    receiver = Receiver()
    key = uid()
    sent = [
        fal_client.submit(APP, arguments={"key": key}, webhook_url=receiver.url),
        fal_client.submit(APP, arguments={"prompt": "x", "steps": 999}, path="/validate", webhook_url=receiver.url),
        fal_client.submit(APP, arguments={}, path="/binary", webhook_url=receiver.url),
    ]
    bodies = {json.loads(body)["request_id"]: json.loads(body) for _, _, body in receiver.wait(3)}
    ok, error, unserializable = (bodies[handle.request_id] for handle in sent)
    assert ok == {
        "request_id": sent[0].request_id,
        "gateway_request_id": sent[0].request_id,
        "status": "OK",
        "payload": sent[0].get(),
    }, ok
    assert error["status"] == "ERROR" and error["error"] == "Invalid status code: 422", error
    assert sorted(one["loc"][-1] for one in error["payload"]["detail"]) == ["prompt", "steps"], error
    assert unserializable["status"] == "OK" and unserializable["payload"] is None, unserializable
    assert "not JSON serializable" in unserializable["payload_error"], unserializable
    for _, headers, body in receiver.calls:
        assert headers["content-type"] == "application/json", headers
        assert verify_webhook(headers, body)
        assert not verify_webhook(headers, body.replace(b"request_id", b"request_ID")), "a tampered body passes"


@case(60)
def webhook_redelivery():
    receiver = Receiver([500])
    handle = fal_client.submit(APP, arguments={"key": uid()}, webhook_url=receiver.url)
    first, second = receiver.wait(2)
    assert first[2] == second[2] and json.loads(second[2])["request_id"] == handle.request_id
    assert verify_webhook(second[1], second[2])
    moved = Receiver([307])
    fal_client.submit(APP, arguments={"key": uid()}, webhook_url=moved.url)
    moved.wait(1)
    # The next call of an unacknowledged one would have come a second later: this one's whole delivery outlives that.
    later = Receiver([500, 500])
    fal_client.submit(APP, arguments={"key": uid()}, webhook_url=later.url)
    later.wait(3)
    assert [path for path, _, _ in moved.calls] == ["/hook"], moved.calls
    assert len(receiver.calls) == 2, "an acknowledged one is not called again"


@case(63)
def headers_and_contexts():
    answer = (
        raw()
        .post(
            f"{QUEUE}/{APP}/headers",
            json={},
            headers={
                "x-custom": "kept",
                "x-fal-no-retry": "1",
                "x-fal-queue-priority": "low",
                "x-fal-request-id": "forged",
            },
        )
        .json()
    )
    result = wait_for(lambda: raw().get(answer["response_url"]), lambda r: r.status_code == 200).json()
    headers = result["headers"]
    assert headers["x-custom"] == "kept"
    assert headers["x-fal-request-id"] == answer["request_id"], headers
    assert headers["x-fal-endpoint"].startswith(APP), headers
    assert (
        "x-fal-no-retry" not in headers and "x-fal-queue-priority" not in headers and "authorization" not in headers
    ), headers
    assert not [h for h in headers if h.startswith("x-wt-")], headers
    assert result["context"]["request_id"] == answer["request_id"]
    handles = [fal_client.submit(APP, arguments={"seconds": 0.5}, path="/isolated") for _ in range(5)]
    for handle in handles:
        seen = handle.get()
        assert seen["before"] == seen["after"] == handle.request_id, seen


@case(66)
def one_setup():
    seen = [call("/setups", {}) for _ in range(3)]
    assert [one["here"] for one in seen] == [1, 1, 1], seen
    assert len({one["ever"] for one in seen}) == 1, f"one runner serves them all: {seen}"


@case(69)
def app_calls_app():
    key = uid()
    answer = call("/other", {"app": LINE, "arguments": {"key": key}})
    assert answer == {"answer": {"key": key}}, answer


@case(70)
def unknown_owner():
    name = APP.split("/")[1]
    assert call("", {"key": "owner"}, f"somebody-else/{name}")["route"] == "/"


@case(71)
def public_model():
    error = raises(
        fal_client.FalClientHTTPError, fal_client.subscribe, "fal-ai/flux/dev", arguments={"prompt": "a cat"}
    )
    assert error.status_code == 404, error.status_code
    text = error.response.text
    assert error.response_headers["x-windtunnel-error"] == "E_PUBLIC_MODEL", error.response_headers
    assert "windtunnel run" in text and "--as fal-ai/flux" in text and "without `windtunnel exec`" in text, text
    gone = httpx.get("https://v3.fal.media/files/elephant/some-real-sample.png")
    assert gone.status_code == 404 and gone.headers["x-windtunnel-error"] == "E_REMOTE_FILE", gone.headers


@case(73)
def multipart_forms():
    noise = os.urandom(300_000)
    for path, answer_of in (("direct", run_raw), ("queue", queue_raw)):
        answer = answer_of("/form", {"note": path}, {"file": ("a b.bin", noise, "application/octet-stream")})
        assert answer.status_code == 200, answer.text
        assert json.loads(answer.headers["x-form"]) == {"note": path, "file": ["a b.bin", len(noise)]}, answer.headers
        # The app sends its body back: a multipart answer passes byte by byte, boundary and all.
        assert answer.headers["content-type"] == answer.sent_type, answer.headers
        assert answer.content == answer.sent_body


def multipart(url, fields, files):
    with raw() as client:
        request = client.build_request("POST", url, data=fields, files=files)
        body = request.read()
        return client.send(request), body, request.headers["content-type"]


def run_raw(path, fields, files):
    answer, answer.sent_body, answer.sent_type = multipart(f"https://fal.run/{APP}{path}", fields, files)
    return answer


def queue_raw(path, fields, files):
    sent, body, kind = multipart(f"{QUEUE}/{APP}{path}", fields, files)
    answer = wait_for(lambda: raw().get(sent.json()["response_url"]), lambda r: r.status_code != 400)
    answer.sent_body, answer.sent_type = body, kind
    return answer
