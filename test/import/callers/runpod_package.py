import json
import os

import runpod

runpod.api_key = os.environ["RUNPOD_API_KEY"]

endpoint = runpod.Endpoint("a1b2c3d4")
at_once = endpoint.run_sync({"input": {"up_to": 3}}, timeout=60)
job = endpoint.run({"up_to": 2})
waited = job.output(timeout=60)
streamed = endpoint.run({"input": {"up_to": 4}})
print(json.dumps([at_once, waited, job.status(), list(streamed.stream())]))
