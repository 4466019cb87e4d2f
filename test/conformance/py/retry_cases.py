"""Cases of retries, of the error types that end them, and of routing by hints; `cases.py` has the others."""

import json
import threading

import fal_client
from cases import APP, QUEUE, Receiver, call, case, raises, raw, uid, wait_for

OWNER = APP.split("/")[0]
RETRY, OVERDUE, OVERDUE_ONCE, STICKY = (f"{OWNER}/{name}" for name in ("retry", "overdue", "overdue-once", "sticky"))
# The runner stays, so that ten attempts need no ten starts.
SPARE = {"x-fal-stop-runner": "0"}


def calls(key):
    return call("/calls", {"key": key}, RETRY)


def submit(key, statuses, headers=({},), sent=None, path=""):
    arguments = {"key": key, "statuses": statuses, "headers": list(headers)}
    return fal_client.submit(RETRY, arguments=arguments, path=path, headers=sent or {})


@case(26)
def retried_to_success():
    key, receiver = uid(), Receiver()
    arguments = {"key": key, "statuses": [503, 503, 200]}
    handle = fal_client.submit(RETRY, arguments=arguments, webhook_url=receiver.url)
    assert handle.get() == {"detail": "call 3"}
    seen = calls(key)["calls"]
    assert len({one["runner"] for one in seen}) == 3, f"each 503 costs its runner: {seen}"
    ids = [one["request"] for one in seen]
    assert ids[0] == handle.request_id and len(set(ids)) == 3, f"a gateway request id for each attempt: {ids}"
    assert isinstance(handle.status(), fal_client.Completed) and handle.status().error is None
    ((_, _, body),) = receiver.wait()
    told = json.loads(body)
    assert (told["status"], told["request_id"], told["gateway_request_id"]) == ("OK", handle.request_id, ids[2]), told


@case(27)
def ten_attempts():
    key = uid()
    handle = submit(key, [503], [SPARE])
    error = raises(fal_client.FalClientHTTPError, handle.get)
    assert error.status_code == 503 and error.response.json() == {"detail": "call 10"}, error.response.text
    assert len(calls(key)["calls"]) == 10
    status = handle.status()
    assert isinstance(status, fal_client.Completed) and status.error and status.error_type, status


@case(28)
def budgets():
    def attempts(sent, statuses=(503,)):
        key = uid()
        handle = submit(key, list(statuses), [SPARE], sent)
        wait_for(handle.status, lambda s: isinstance(s, fal_client.Completed), 30)
        return len(calls(key)["calls"])

    for value in ("1", "true", "yes"):
        assert attempts({"X-Fal-No-Retry": value}) == 1, value
    two = '{"server_error": {"retries": 2}}'
    assert attempts({"X-Fal-Retry-Config": two}) == 3, "N retries are N+1 attempts"
    assert attempts({"X-Fal-Retry-Config": '{"timeout": {"retries": 0}}'}, [503, 503, 200]) == 3, "another's budget"
    assert attempts({"X-Fal-Retry-Config": "{no json"}, [503, 503, 503, 200]) == 4, "invalid JSON is ignored"
    assert attempts({"X-Fal-Retry-Config": two, "X-Fal-No-Retry": "1"}) == 1, "no-retry beats the config"


@case(29)
def needs_retry():
    key = uid()
    handle = submit(key, [500, 429, 200], [{"x-fal-needs-retry": "1"}])
    assert handle.get() == {"detail": "call 3"}
    answer = raw().get(f"{QUEUE}/{RETRY}/requests/{handle.request_id}")
    assert answer.status_code == 200 and "x-fal-needs-retry" not in answer.headers, answer.headers
    key = uid()
    final = submit(key, [503], [{"x-fal-needs-retry": "0", **SPARE}])
    error = raises(fal_client.FalClientHTTPError, final.get)
    assert error.status_code == 503 and len(calls(key)["calls"]) == 1, calls(key)


@case(30)
def stop_runner():
    before = calls(uid())["here"]
    spared = submit(uid(), [503, 200], [SPARE])
    assert spared.get() == {"detail": "call 2"}
    assert calls(uid())["here"] == before, "0 spares the runner of a 503"
    stopped = submit(uid(), [200], [{"x-fal-stop-runner": "1"}])
    assert stopped.get() == {"detail": "call 1"}
    answer = raw().get(f"{QUEUE}/{RETRY}/requests/{stopped.request_id}")
    assert "x-fal-stop-runner" not in answer.headers, answer.headers
    assert calls(uid())["here"] != before, "1 stops the runner of a 200"


@case(31)
def request_timeout():
    def overdue(app):
        key = uid()
        handle = fal_client.submit(app, arguments={"key": key, "seconds": 60})
        wait_for(handle.status, lambda s: isinstance(s, fal_client.Completed), 60)
        error = raises(fal_client.FalClientHTTPError, handle.get)
        assert error.status_code == 504 and error.error_type == "request_timeout", error
        return calls(key)["calls"]

    seen = overdue(OVERDUE)
    assert len(seen) == 2 and seen[0]["runner"] != seen[1]["runner"], f"one retry, on a fresh runner: {seen}"
    assert len(overdue(OVERDUE_ONCE)) == 1, 'skip_retry_conditions=["timeout"] gives one attempt'


@case(32)
def crash():
    key = uid()
    handle = fal_client.submit(RETRY, arguments={"key": key, "times": 1}, path="/crash")
    alive = handle.get()["runner"]
    seen = calls(key)["calls"]
    assert len(seen) == 2 and seen[0]["runner"] != seen[1]["runner"] == alive, seen
    key = uid()
    answer = raw().post(f"https://fal.run/{RETRY}/crash", json={"key": key, "times": 1})
    assert answer.status_code == 503 and answer.json()["error_type"] == "runner_disconnected", answer.text
    assert answer.headers["x-fal-error-type"] == "runner_disconnected"
    assert len(calls(key)["calls"]) == 1, "nobody retries a direct call but its caller"


@case(34)
def error_types():
    plain = submit(uid(), [500])
    error = raises(fal_client.FalClientHTTPError, plain.get)
    assert error.response.json() == {"detail": "call 1"}, error.response.text
    assert error.error_type == "runner_server_error", "from the header alone"
    own = submit(uid(), [418], [{"x-fal-error-type": "bad_request"}])
    error = raises(fal_client.FalClientHTTPError, own.get)
    assert (error.status_code, error.error_type) == (418, "bad_request"), error
    in_body = fal_client.submit(
        RETRY, arguments={"key": uid(), "times": 1}, path="/crash", headers={"x-fal-no-retry": "1"}
    )
    error = raises(fal_client.FalClientHTTPError, in_body.get)
    assert error.response.json()["error_type"] == error.error_type == "runner_disconnected", error.response.text


@case(36)
def out_of_gpu_memory():
    key = uid()
    handle = fal_client.submit(RETRY, arguments={"key": key, "times": 1}, path="/oom")
    alive = handle.get()["runner"]
    seen = calls(key)["calls"]
    assert len(seen) == 2 and seen[0]["runner"] != seen[1]["runner"] == alive, seen


@case(20)
def hints():
    models = {"red": None, "blue": None}

    def load(model):
        models[model] = fal_client.subscribe(STICKY, arguments={"model": model, "seconds": 1})["runner"]

    threads = [threading.Thread(target=load, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert models["red"] and models["blue"] and models["red"] != models["blue"], f"one runner each: {models}"
    for model in ("red", "red", "blue", "red", "blue", "blue"):
        queued = fal_client.submit(STICKY, arguments={}, hint=model).get()
        assert queued == {"runner": models[model], "model": model}, (model, queued, models)
        direct = fal_client.run(STICKY, arguments={}, hint=model)
        assert direct == queued, (model, direct)
    answer = raw().post(f"https://fal.run/{STICKY}", json={}, headers={"x-fal-runner-hint": "red"})
    assert answer.headers["x-fal-runner-hints"] == "red", answer.headers
    in_turn = {fal_client.run(STICKY, arguments={})["runner"] for _ in range(4)}
    assert in_turn == set(models.values()), "without a hint, in turn"
    unknown = fal_client.run(STICKY, arguments={}, hint="green")
    assert unknown["runner"] in models.values(), "best effort: nobody waits for a runner with the hint"
