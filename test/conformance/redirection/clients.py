"""Calls fal through every Python client under production host names. Prints one JSON line a case: name, error or null."""

import asyncio
import json
import sys
import tempfile
import urllib.request

import aiohttp
import fal.apps
import fal_client
import httpx
import requests
import websockets
import websockets.sync.client

APP = "local/x"


async def httpx_async():
    async with httpx.AsyncClient() as client:
        return (await client.get("https://fal.run/echo")).raise_for_status().json()


def sync_handle():
    handle = fal_client.submit(APP, {"a": 1})
    handle.status()
    return handle.get()


async def async_handle():
    handle = await fal_client.submit_async(APP, {"a": 1})
    await handle.status()
    return await handle.get()


async def async_stream():
    return [event async for event in fal_client.stream_async(APP, {})]


def realtime(**options):
    with fal_client.realtime(APP, **options) as connection:
        connection.send({"a": 1})
        return connection.recv()


async def realtime_async():
    async with fal_client.realtime_async(APP) as connection:
        await connection.send({"a": 1})
        return await connection.recv()


def plain_websocket():
    with websockets.sync.client.connect("wss://fal.run/x") as socket:
        socket.send(b"hello")
        return socket.recv()


async def plain_websocket_async():
    async with websockets.connect("wss://queue.fal.run/x") as socket:
        await socket.send(b"hello")
        return await socket.recv()


async def aiohttp_get():
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.get("https://fal.run/echo") as answer:
            return await answer.json()


async def aiohttp_websocket():
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.ws_connect("wss://fal.run/x") as socket:
            await socket.send_bytes(b"hello")
            return await socket.receive_bytes()


def apps_handle():
    handle = fal.apps.submit(APP, {})
    handle.status()
    return handle.fetch_result()


def apps_websocket():
    with fal.apps.ws(APP) as connection:
        connection.send({"a": 1})
        return connection.recv()


def upload_file():
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(b"z" * 1000)
        file.flush()
        return fal_client.upload_file(file.name)


CASES = {
    "httpx": lambda: httpx.get("https://fal.run/echo").raise_for_status().json(),
    "httpx async": httpx_async,
    "httpx backup domains": lambda: [
        httpx.get(f"https://{host}/echo").raise_for_status().json() for host in ("falrun.com", "queue.falrun.com")
    ],
    "urllib": lambda: json.load(urllib.request.urlopen("https://rest.fal.ai/echo")),
    "requests": lambda: requests.get("https://rest.alpha.fal.ai/echo").json(),
    "websockets": plain_websocket,
    "websockets async": plain_websocket_async,
    "aiohttp": aiohttp_get,
    "aiohttp websocket": aiohttp_websocket,
    "fal_client.run": lambda: fal_client.run(APP, {}),
    "fal_client.run_async": lambda: fal_client.run_async(APP, {}),
    "fal_client.submit": sync_handle,
    "fal_client.submit_async": async_handle,
    "fal_client.subscribe": lambda: fal_client.subscribe(APP, {}),
    "fal_client.subscribe_async": lambda: fal_client.subscribe_async(APP, {}),
    "fal_client.cancel": lambda: fal_client.cancel(APP, "request-1"),
    "fal_client.stream": lambda: list(fal_client.stream(APP, {})),
    "fal_client.stream_async": async_stream,
    "fal_client.upload": lambda: fal_client.upload(b"hello", "text/plain"),
    "fal_client.upload_file": upload_file,
    "fal_client.upload_async": lambda: fal_client.upload_async(b"hello", "text/plain"),
    "fal_client.realtime": realtime,
    "fal_client.realtime, key": lambda: realtime(use_jwt=False),
    "fal_client.realtime_async": realtime_async,
    "fal.apps.run": lambda: fal.apps.run(APP, {}),
    "fal.apps.submit": apps_handle,
    "fal.apps.stream": lambda: list(fal.apps.stream(APP, {})),
    "fal.apps.ws": apps_websocket,
}


async def attempt(case):
    # Synchronous clients must not run inside a loop: some refuse, some start their own.
    result = case() if asyncio.iscoroutinefunction(case) else await asyncio.to_thread(case)
    return await result if asyncio.iscoroutine(result) else result


async def main(names):
    # One loop for all: fal_client keeps its asynchronous HTTP client between calls.
    for name, case in CASES.items():
        if names and name not in names:
            continue
        try:
            await asyncio.wait_for(attempt(case), 20)
            error = None
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        print(json.dumps([name, error]), flush=True)


asyncio.run(main(sys.argv[1:]))
