"""Realtime, websockets and HTTP over WebSocket, by the official Python clients."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import fal.apps
import fal_client
import httpx
from cases import case, raises, uid
from fal_client.client import RealtimeError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

APP = os.environ.get("WT_LIVE", "local/live")


def key():
    return {"Authorization": f"Key {os.environ['FAL_KEY']}"}


@case(45)
def unary():
    blob = bytes(range(256))
    for options in ({}, {"use_jwt": False}):
        with fal_client.realtime(APP, **options) as connection:
            for n in (1, 2):
                connection.send({"n": n, "blob": blob, "text": "ünï"})
                assert connection.recv() == {"echo": {"n": n, "blob": blob, "text": "ünï"}}

    async def again():
        async with fal_client.realtime_async(APP) as connection:
            await connection.send({"n": 3})
            return await connection.recv()

    assert asyncio.run(again()) == {"echo": {"n": 3}}
    with fal.apps._connect(APP) as connection:
        assert connection.run({"n": 4}) == {"echo": {"n": 4}}


@case(46)
def custom_path():
    with fal_client.realtime(APP, path="/socket", max_buffering=7) as connection:
        seen = connection.recv()
    assert seen["query"] == {"max_buffering": "7"}, seen
    with fal_client.ws_connect(APP, path="/socket") as socket:
        assert json.loads(socket.recv())["query"] == {}
    error = raises(ValueError, lambda: fal_client.realtime(APP, max_buffering=61).__enter__())
    assert "max_buffering" in str(error), error


@case(47)
def failure():
    with fal_client.realtime(APP) as connection:
        connection.send({"fail": True})
        error = raises(RealtimeError, connection.recv)
        assert (error.error, error.reason) == ("INTERNAL_ERROR", "asked to fail"), error
        assert connection.recv() is None, "closed in order, with 1000"


@case(48)
def idle():
    with fal_client.realtime(APP, path="/idle") as connection:
        error = raises(RealtimeError, connection.recv)
        assert error.error == "TIMEOUT", error
        assert connection.recv() is None, "closed in order, with 1000"


@case(49)
def unauthorized():
    for token in ("not.a.token", ""):
        with connect(f"wss://fal.run/{APP}/realtime?fal_jwt_token={token}") as socket:
            assert json.loads(socket.recv()) == {"status": "error", "error": "Unauthorized"}
    other = httpx.post("https://rest.fal.ai/tokens/", headers=key(), json={"allowed_apps": ["other"]}).json()
    with connect(f"wss://fal.run/{APP}/realtime?fal_jwt_token={other}") as socket:
        assert json.loads(socket.recv()) == {"status": "error", "error": "Unauthorized"}, "a token of another app"
    error = raises(
        InvalidStatus, connect, f"wss://fal.run/{APP}/realtime", additional_headers={"Authorization": "Key some:body"}
    )
    assert error.response.status_code == 401, error


@case(50)
def http_over_ws():
    with fal.apps.ws(APP) as connection:
        for n in range(3):
            assert json.loads(connection.run({"n": n})) == {"n": n}
        # The first takes longest, and is still answered first.
        for n, seconds in ((3, 1), (4, 0.5), (5, 0)):
            connection.send({"n": n, "seconds": seconds})
        assert [json.loads(connection.recv())["n"] for _ in range(3)] == [3, 4, 5]
    with connect(f"wss://ws.fal.run/{APP}/nowhere", additional_headers=key()) as socket:
        socket.send(json.dumps({"n": uid()}))
        frames = [socket.recv() for _ in range(3)]
    start, end = json.loads(frames[0]), json.loads(frames[2])
    assert (start["type"], start["status"]) == ("start", 404), start
    assert start["headers"]["content-type"] == "application/json", start
    assert isinstance(frames[1], bytes) and "/nowhere not found" in json.loads(frames[1])["detail"], frames[1]
    assert (end["type"], end["status"]) == ("end", 404) and end["time_to_first_byte_seconds"] > 0, end
    assert start["request_id"] == end["request_id"]


@case(61)
def host_variables():
    """The clients' own host variables, without exec's proxy: what goes to fal.run and queue.fal.run is led here."""
    port = httpx.URL(os.environ["WT_URL"]).port
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    env |= {"FAL_RUN_HOST": f"localhost:{port}/run", "FAL_QUEUE_RUN_HOST": f"localhost:{port}/queue"}
    items = ["2", "3", "12", "17", "33", "hosts"]
    run = [sys.executable, str(Path(__file__).with_name("run.py")), *items]
    out = subprocess.run(run, env=env, stdout=subprocess.PIPE, text=True, timeout=80).stdout
    results = [json.loads(line) for line in out.splitlines()]
    assert [one["item"] for one in results] == items, out
    assert not [one for one in results if not one["ok"]], out


@case("hosts")
def by_host_variables():
    probe = os.environ.get("WT_APP", "local/probe")
    assert [event["n"] for event in fal_client.stream(probe, arguments={"events": 2, "pause": 0.05})] == [0, 1]
    with fal_client.realtime(APP, use_jwt=False) as connection:
        connection.send({"n": 1})
        assert connection.recv() == {"echo": {"n": 1}}
    assert fal.apps.run(probe, arguments={"key": uid()})["route"] == "/"


@case(72)
def modes():
    with fal_client.realtime(APP, path="/server") as connection:
        connection.send({"count": 3, "key": "k"})
        assert [connection.recv() for _ in range(3)] == [{"n": n, "key": "k"} for n in range(3)]
        error = raises(RealtimeError, connection.recv)
        assert error.error == "TIMEOUT", "how fal tells that the stream is over"
    with fal_client.realtime(APP, path="/client") as connection:
        for one in ({"n": 1}, {"n": 2}, {"n": 3, "last": True}):
            connection.send(one)
        assert connection.recv() == {"seen": [1, 2, 3]}
    with fal_client.realtime(APP, path="/both") as connection:
        for n in (4, 5):
            connection.send({"n": n, "last": n == 5})
            assert connection.recv() == {"twice": n * 2}
    codec = {"encode_message": lambda m: json.dumps(m).encode(), "decode_message": json.loads}
    with fal_client.realtime(APP, path="/codec", **codec) as connection:
        connection.send({"n": 6})
        assert connection.recv() == {"json": {"n": 6}}
