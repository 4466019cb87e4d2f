"""Stands in for the public model that fal_client's own live tests call: an image and the seed given."""

import fal
from fal.toolkit import Image
from pydantic import BaseModel


class Input(BaseModel):
    prompt: str = ""
    image_url: str = ""
    seed: int = 1
    num_inference_steps: int = 1


class Output(BaseModel):
    images: list[Image]
    seed: int
    prompt: str


class FastSdxl(fal.App, name="fast-sdxl", keep_alive=300, max_multiplexing=8):
    machine_type = "S"
    requirements = ["pillow==13.0.0"]

    def answer(self, body: Input, size) -> Output:
        from PIL import Image as Pil

        print("drawing", body.prompt)
        image = Image.from_pil(Pil.new("RGB", size, "teal"))
        return Output(images=[image], seed=body.seed, prompt=body.prompt)

    @fal.endpoint("/")
    def text(self, body: Input) -> Output:
        return self.answer(body, (64, 64))

    @fal.endpoint("/image-to-image")
    def image(self, body: Input) -> Output:
        return self.answer(body, Image(url=body.image_url).to_pil().size)
