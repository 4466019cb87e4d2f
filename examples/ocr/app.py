"""Reads the text in a picture. The models are three ONNX files that the rapidocr package carries in its wheel."""

import time

import fal
from fal.toolkit.image import read_image_from_url
from pydantic import BaseModel, Field


class OcrInput(BaseModel):
    image_url: str = Field(description="The picture: a URL, an uploaded file or a data URI.")
    min_score: float = Field(default=0.5, ge=0, le=1, description="Leave out lines that the model is less sure of.")


class Line(BaseModel):
    text: str
    score: float = Field(description="How sure the model is, from 0 to 1.")
    box: list[list[float]] = Field(description="The line's four corners in pixels, clockwise from top left.")


class OcrOutput(BaseModel):
    text: str = Field(description="All lines, from top to bottom.")
    lines: list[Line]
    device: str = Field(description="What the models ran on: cuda or cpu.")
    seconds: float = Field(description="Time spent in the models.")


class Ocr(fal.App, name="ocr", keep_alive=300):
    # A GPU in production, and the CPU where there is none: onnxruntime-gpu instead of onnxruntime uses the GPU too.
    machine_type = ["GPU-A6000", "L"]
    requirements = ["rapidocr==3.10.0", "onnxruntime>=1.20,<2"]

    def setup(self):
        import onnxruntime
        from rapidocr import RapidOCR

        use_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
        self.device = "cuda" if use_cuda else "cpu"
        self.engine = RapidOCR(
            params={"Global.log_level": "error", "EngineConfig.onnxruntime.use_cuda": use_cuda},
        )
        print(f"models loaded, running on {self.device}")

    @fal.endpoint("/")
    def read(self, input: OcrInput) -> OcrOutput:
        import numpy

        picture = read_image_from_url(input.image_url)
        # The models were trained on pictures whose channels stand blue first.
        pixels = numpy.asarray(picture)[:, :, ::-1]
        started = time.perf_counter()
        found = self.engine(pixels)
        seconds = time.perf_counter() - started

        lines = [
            Line(text=text, score=float(score), box=box.tolist())
            for text, score, box in zip(found.txts or (), found.scores or (), found.boxes if found.txts else ())
            if score >= input.min_score
        ]
        print(f"{len(lines)} lines in {seconds:.2f} s")
        return OcrOutput(text="\n".join(line.text for line in lines), lines=lines, device=self.device, seconds=seconds)
