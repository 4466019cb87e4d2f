"""Realtime endpoints of every mode, and a plain websocket, for the conformance suite."""

import asyncio
import json
from typing import AsyncIterator

import fal
from fastapi import WebSocket


class Live(fal.App, name="live", keep_alive=300, max_multiplexing=16, max_concurrency=1):
    machine_type = "S"

    def setup(self):
        self.sessions = 0

    @fal.realtime("/realtime")
    def unary(self, body: dict) -> dict:
        if body.get("fail"):
            raise ValueError("asked to fail")
        return {"echo": body}

    @fal.realtime("/idle", session_timeout=2)
    def idle(self, body: dict) -> dict:
        return {"echo": body}

    # Room for all outputs: past twice its buffering the SDK sends around what waits, in another order.
    @fal.realtime("/server", buffering=8)
    async def server(self, body: dict) -> AsyncIterator[dict]:
        for n in range(body["count"]):
            yield {"n": n, "key": body["key"]}

    @fal.realtime("/client")
    async def client(self, inputs: AsyncIterator[dict]) -> dict:
        seen = []
        async for one in inputs:
            seen.append(one["n"])
            if one.get("last"):
                break
        return {"seen": seen}

    @fal.realtime("/both", buffering=8)
    async def both(self, inputs: AsyncIterator[dict]) -> AsyncIterator[dict]:
        async for one in inputs:
            yield {"twice": one["n"] * 2}
            if one.get("last"):
                return

    @fal.realtime(
        "/codec",
        content_type="application/json",
        decode_message=lambda message: json.loads(bytes(message).decode()),
        encode_message=lambda output: json.dumps(output).encode(),
    )
    def codec(self, body: dict) -> dict:
        return {"json": body}

    @fal.endpoint("/socket", is_websocket=True)
    async def socket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        headers = {name: value for name, value in websocket.headers.items()}
        await websocket.send_json({"query": dict(websocket.query_params), "headers": headers})
        await websocket.close()

    @fal.endpoint("/")
    async def call(self, body: dict) -> dict:
        await asyncio.sleep(body.get("seconds", 0))
        return {"n": body["n"]}
