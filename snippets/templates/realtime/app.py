"""__TITLE__: answers frame by frame over one connection."""

import fal
from pydantic import BaseModel, Field


class Stroke(BaseModel):
    x: float = Field(ge=0, le=1, description="Where the pen is, from the left.")
    y: float = Field(ge=0, le=1, description="Where the pen is, from the top.")
    smoothing: float = Field(default=0.5, ge=0, lt=1, description="How much of the last point is kept.")


class Point(BaseModel):
    x: float
    y: float
    points: int = Field(description="How many this runner has smoothed.")


class __CLASS__(fal.App, name="__NAME__", keep_alive=300):
    # "S" is a CPU; a model that draws wants "GPU-A100" or "GPU-H100".
    machine_type = "S"

    def setup(self):
        # Runs once for each runner, before its first connection: load weights here.
        self.last: Stroke | None = None
        self.points = 0

    @fal.realtime("/realtime")
    def draw(self, input: Stroke) -> Point:
        # Put your model in its place: one frame in, one frame out, as fast as it can.
        keep = input.smoothing if self.last else 0.0
        before = self.last or input
        self.last = Stroke(x=keep * before.x + (1 - keep) * input.x, y=keep * before.y + (1 - keep) * input.y)
        self.points += 1
        return Point(x=self.last.x, y=self.last.y, points=self.points)

    @fal.endpoint("/")
    def reset(self) -> dict:
        """Forgets the line."""
        self.last = None
        return {"forgotten": True}
