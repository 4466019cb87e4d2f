"""Turns a picture into pixel art: big square blocks in a few colours."""

import hashlib
import json
import uuid
from io import BytesIO
from pathlib import Path
from typing import Iterator

import fal
from fal.toolkit import Image
from fal.toolkit.image import read_image_from_url
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

# /data outlives runners and is shared by all of them: what one has worked out, the next one reads.
PALETTES = Path("/data/pixels/palettes")


class PixelsInput(BaseModel):
    image_url: str = Field(description="The picture: a URL, an uploaded file or a data URI.")
    block: int = Field(default=8, ge=2, le=64, description="Side of one block, in pixels of the picture.")
    colors: int = Field(default=16, ge=2, le=64, description="How many colours the result has.")


class PixelsOutput(BaseModel):
    image: Image
    palette: list[str] = Field(description="The colours used, as #rrggbb.")
    palette_cached: bool = Field(description="The palette of this picture was in /data already.")


class Frame(BaseModel):
    image: bytes = Field(description="One encoded frame, PNG or JPEG.")
    block: int = Field(default=8, ge=2, le=64)
    colors: int = Field(default=16, ge=2, le=64)


class FrameOutput(BaseModel):
    image: bytes = Field(description="The frame as pixel art, PNG.")
    width: int
    height: int


class Pixels(fal.App, name="pixels", keep_alive=300, max_multiplexing=4):
    machine_type = "S"
    requirements = ["pillow>=11"]

    def setup(self):
        PALETTES.mkdir(parents=True, exist_ok=True)
        print(f"{len(list(PALETTES.iterdir()))} palettes in {PALETTES}")

    @fal.endpoint("/")
    def draw(self, input: PixelsInput) -> PixelsOutput:
        picture = read_image_from_url(input.image_url)
        print(f"drawing {picture.width}x{picture.height} in blocks of {input.block}, {input.colors} colours")
        small = shrink(picture, input.block)
        palette, cached = palette_of(small, input.colors)
        print("palette was in /data" if cached else "palette is new, kept in /data")
        art = paint(small, palette).resize(picture.size, resample=0)
        return PixelsOutput(image=Image.from_pil(art, "png"), palette=palette, palette_cached=cached)

    @fal.endpoint("/stream")
    def draw_rows(self, input: PixelsInput) -> StreamingResponse:
        """The same result, with an event for each tenth of the rows, then one that holds the image."""
        return StreamingResponse(self._events(input), media_type="text/event-stream")

    @fal.realtime("/realtime")
    def draw_frame(self, input: Frame) -> FrameOutput:
        from PIL import Image as Pillow

        frame = Pillow.open(BytesIO(input.image)).convert("RGB")
        small = shrink(frame, input.block)
        # Frames differ from each other: each gets a palette of its own, none is kept.
        art = small.quantize(input.colors).convert("RGB").resize(frame.size, resample=0)
        encoded = BytesIO()
        art.save(encoded, "png", compress_level=1)
        return FrameOutput(image=encoded.getvalue(), width=art.width, height=art.height)

    def _events(self, input: PixelsInput) -> Iterator[str]:
        picture = read_image_from_url(input.image_url)
        small = shrink(picture, input.block)
        palette, cached = palette_of(small, input.colors)
        art = small.copy()
        step = max(1, small.height // 10)
        for top in range(0, small.height, step):
            band = (0, top, small.width, min(top + step, small.height))
            art.paste(paint(small.crop(band), palette), band)
            yield event({"progress": round(band[3] / small.height, 3)})
        image = Image.from_pil(art.resize(picture.size, resample=0), "png")
        output = PixelsOutput(image=image, palette=palette, palette_cached=cached)
        yield event({"progress": 1.0, **output.model_dump()})


def event(data: dict) -> str:
    return f"data: {json.dumps(data)}\n\n"


def shrink(picture, block: int):
    """The picture with one pixel for each block, of the block's average colour."""
    from PIL import Image as Pillow

    size = (max(1, picture.width // block), max(1, picture.height // block))
    return picture.resize(size, Pillow.Resampling.BOX)


def palette_of(small, colors: int) -> tuple[list[str], bool]:
    """The best colours for a picture, as #rrggbb, and whether they were in the cache."""
    key = hashlib.sha256(small.tobytes()).hexdigest()
    cached = PALETTES / f"{key}-{colors}.json"
    try:
        return json.loads(cached.read_text()), True
    except FileNotFoundError:
        pass
    used = small.quantize(colors).convert("RGB").getcolors(small.width * small.height)
    palette = sorted("#{:02x}{:02x}{:02x}".format(*color) for _, color in used)
    # Another runner may write the same palette now: a rename shows either file, never half of one.
    unfinished = cached.with_suffix(f".{uuid.uuid4().hex}.tmp")
    unfinished.write_text(json.dumps(palette))
    unfinished.replace(cached)
    return palette, False


def paint(small, palette: list[str]):
    """The picture with each pixel in the nearest colour of the palette."""
    from PIL import Image as Pillow

    reference = Pillow.new("P", (1, 1))
    reference.putpalette([channel for color in palette for channel in bytes.fromhex(color[1:])])
    return small.quantize(palette=reference, dither=Pillow.Dither.NONE).convert("RGB")
