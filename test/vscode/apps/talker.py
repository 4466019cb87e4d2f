import time

import fal
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field


class Words(BaseModel):
    text: str
    image_url: str = Field(default="", description="A picture that is measured.")


class Spoken(BaseModel):
    said: str


class Talker(fal.App, name="talker", keep_alive=300):
    machine_type = "XS"

    @fal.endpoint("/stream")
    def stream(self, input: Words) -> StreamingResponse:
        def words():
            for word in input.text.split():
                yield f'data: {{"word": "{word}"}}\n\n'
                time.sleep(0.01)

        return StreamingResponse(words(), media_type="text/event-stream")

    @fal.realtime("/realtime")
    def talk(self, input: Words) -> Spoken:
        return Spoken(said=input.text.upper())
