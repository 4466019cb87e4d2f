import os
import subprocess

import runpod
from titlecase import titlecase

FOLDER = "/runpod-volume/greetings"
with open("words.txt") as words:
    WORDS = words.read().strip()


def handler(job):
    text = titlecase(f"{WORDS}, {job['input']['name']}")
    said = subprocess.run(["hello", "-g", text], capture_output=True, check=True, text=True).stdout.strip()
    os.makedirs(FOLDER, exist_ok=True)
    with open(f"{FOLDER}/all.txt", "a") as file:
        file.write(said + "\n")
    with open(f"{FOLDER}/all.txt") as file:
        return {"said": said.upper() if os.environ["TONE"] == "loud" else said, "before": len(file.readlines()) - 1}


runpod.serverless.start({"handler": handler})
