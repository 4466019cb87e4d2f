"""__TITLE__: an image from a prompt."""

import hashlib
import random

import fal
from fal.toolkit import Image
from pydantic import BaseModel, Field


class ImageInput(BaseModel):
    prompt: str = Field(description="What to draw.", examples=["a quiet lake at dawn"])
    width: int = Field(default=512, ge=64, le=2048, multiple_of=8)
    height: int = Field(default=512, ge=64, le=2048, multiple_of=8)
    seed: int | None = Field(default=None, ge=0, description="The same seed gives the same image. Default: the prompt's own.")


class ImageOutput(BaseModel):
    image: Image
    seed: int


class __CLASS__(fal.App, name="__NAME__", keep_alive=300):
    # What it runs on at fal. "S" is a CPU; a diffusion model wants "GPU-A100" or "GPU-H100".
    machine_type = "S"
    requirements = ["pillow>=11"]

    def setup(self):
        # Runs once for each runner, before its first request: load weights here, from /data where they outlive it.
        self.painter = Painter()
        print("the model is loaded")

    @fal.endpoint("/")
    def generate(self, input: ImageInput) -> ImageOutput:
        seed = input.seed if input.seed is not None else seed_of(input.prompt)
        print(f"painting {input.width}x{input.height}, seed {seed}")
        picture = self.painter.paint(input.prompt, input.width, input.height, seed)
        return ImageOutput(image=Image.from_pil(picture, "png"), seed=seed)


class Painter:
    """Draws hills in the colours of the prompt. Put your pipeline in its place: a prompt, a size and a seed give a PIL image."""

    def paint(self, prompt: str, width: int, height: int, seed: int):
        from PIL import Image as Pillow
        from PIL import ImageDraw

        colours = hashlib.sha256(prompt.encode()).digest()
        picture = Pillow.new("RGB", (width, height), tuple(128 + value // 2 for value in colours[:3]))
        draw = ImageDraw.Draw(picture)
        chance = random.Random(seed)
        for layer in range(5):
            heights = [height * (0.35 + 0.12 * layer + 0.15 * chance.random()) for _ in range(9)]
            ridge = [(width * step / 8, at) for step, at in enumerate(heights)]
            shade = colours[3 + layer * 3 : 6 + layer * 3]
            draw.polygon([(0, height), *ridge, (width, height)], fill=tuple(value * (8 - layer) // 10 for value in shade))
        return picture


def seed_of(prompt: str) -> int:
    return int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big")
