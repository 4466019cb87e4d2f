import os
import subprocess

import modal

image = (
    modal.Image.from_dockerfile("docker/Dockerfile")
    .apt_install("hello")
    .pip_install("titlecase==2.4.1")
    .env({"GREETING": "dear"})
)
app = modal.App("letters", image=image)


@app.function()
def write(name: str) -> dict:
    from titlecase import titlecase

    text = titlecase(f"{os.environ['GREETING']} {name}")
    letter = subprocess.run(["hello", "-g", text], capture_output=True, check=True, text=True).stdout.strip()
    with open("/stamp.txt") as stamp:
        return {"letter": letter, "stamp": stamp.read().strip()}
