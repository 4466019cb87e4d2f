import json
import os
import time

import httpx

ENDPOINT = os.getenv("RUNPOD_ENDPOINT_ID", "a1b2c3d4")
BASE = f"https://api.runpod.ai/v2/{ENDPOINT}"
HEADERS = {"Authorization": f"Bearer {os.getenv('RUNPOD_API_KEY')}"}

now = httpx.post(BASE + "/runsync", headers=HEADERS, json={"input": {"up_to": 3}}).json()
started = httpx.post(f"{BASE}/run", headers=HEADERS, json={"input": {"up_to": 2}})
started.raise_for_status()
job_id = started.json()["id"]
while True:
    status = httpx.get(f"{BASE}/status/{job_id}", headers=HEADERS).json()
    if status["status"] not in ("IN_QUEUE", "IN_PROGRESS"):
        break
    time.sleep(0.1)
pieces = httpx.get(f"{BASE}/stream/{job_id}", headers=HEADERS).json()["stream"]
# What is in the queue is asked nowhere else.
health = None if now else httpx.get(f"{BASE}/health", headers=HEADERS)
print(json.dumps([now["status"], now["output"], status["output"], [piece["output"] for piece in pieces]]))
