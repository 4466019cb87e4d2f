"""__TITLE__: an app in an image of its own."""

import json
from pathlib import Path

import fal
from fal.container import ContainerImage
from pydantic import BaseModel, Field

MODEL = Path("/model/words.json")

# Python and pip are all that fal needs in it. Packages of the system go here too, such as
# `RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg`.
DOCKERFILE = """
FROM python:3.11-slim
# Weights that every runner needs may be in the image, so that no start waits for a download.
RUN mkdir /model && printf '{"good": 1, "great": 2, "bad": -1, "awful": -2}' > /model/words.json
"""


class TextInput(BaseModel):
    text: str = Field(description="What is judged.", examples=["a great day"])


class TextOutput(BaseModel):
    score: int = Field(description="Above 0: kind words. Below 0: unkind ones.")


class __CLASS__(fal.App, name="__NAME__", keep_alive=300):
    image = ContainerImage.from_dockerfile_str(DOCKERFILE)
    # "S" is a CPU; a model wants "GPU-A100" or "GPU-H100", and an image with CUDA.
    machine_type = "S"

    def setup(self):
        # Runs once for each runner, before its first request.
        self.scores = json.loads(MODEL.read_text())
        print(f"{len(self.scores)} words are known")

    @fal.endpoint("/")
    def judge(self, input: TextInput) -> TextOutput:
        # Put your model in its place.
        return TextOutput(score=sum(self.scores.get(word, 0) for word in input.text.lower().split()))
