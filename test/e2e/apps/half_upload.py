"""Uploads a file in two halves; the first time it stops between them."""

import os
import time

import fal
import httpx
from pydantic import BaseModel


class Input(BaseModel):
    marker: str


class HalfUpload(fal.App, name="half-upload", keep_alive=300, max_concurrency=1):
    machine_type = "XS"

    @fal.endpoint("/")
    def run(self, input: Input) -> dict:
        begun = httpx.post(
            "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3",
            headers={"authorization": "Key " + os.environ["FAL_KEY"]},
            json={"content_type": "application/octet-stream", "file_name": "whole.bin"},
        ).raise_for_status().json()

        def halves():
            yield b"x" * 300_000
            if not os.path.exists(input.marker):
                open(input.marker, "w").close()
                time.sleep(600)
            yield b"y" * 300_000

        put = httpx.put(begun["upload_url"], content=halves(), headers={"content-length": "600000"}, timeout=300)
        put.raise_for_status()
        return {"url": begun["file_url"]}
