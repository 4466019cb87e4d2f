"""Stands in for the public model that fal_client's own live tests stream from."""

import asyncio
import json

import fal
from fastapi.responses import StreamingResponse
from pydantic import BaseModel


class Input(BaseModel):
    prompt: str = ""
    model: str = ""


class AnyLlm(fal.App, name="any-llm", keep_alive=300, max_multiplexing=8):
    machine_type = "S"

    @fal.endpoint("/")
    def once(self, body: Input) -> dict:
        return {"output": f"You said {body.prompt}", "partial": False, "error": None}

    @fal.endpoint("/stream")
    async def stream(self, body: Input) -> StreamingResponse:
        async def events():
            text = ""
            for word in ("You", "said", body.prompt):
                text = f"{text} {word}".strip()
                yield f"data: {json.dumps({'output': text, 'partial': True, 'error': None})}\n\n"
                await asyncio.sleep(0.05)
            yield f"data: {json.dumps({'output': text, 'partial': False, 'error': None})}\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")
