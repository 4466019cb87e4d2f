"""As healthy as /data says."""

import os
from pathlib import Path

import fal
from fastapi import HTTPException, Response


class Checked(fal.App, name="checked", keep_alive=300, max_concurrency=1):
    machine_type = "XS"

    async def health(self):
        # Not what is probed: an endpoint of its own takes the place of /health.
        raise HTTPException(502, "never healthy here")

    @fal.endpoint("/")
    def work(self, body: dict) -> Response:
        ask = {"x-fal-runner-health-check": "1"} if body.get("ask") else {}
        return Response('{"runner": "%s"}' % os.environ["FAL_JOB_ID"], 200, ask, "application/json")

    @fal.endpoint("/ok", health_check=fal.HealthCheck(timeout_seconds=30))
    def check(self) -> dict:
        if Path("/data/sick").exists():
            raise HTTPException(503, "sick")
        return {}
