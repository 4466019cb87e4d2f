"""__TITLE__: text that comes word by word."""

import json
import random
from typing import Iterator

import fal
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field


class TextInput(BaseModel):
    prompt: str = Field(description="How the text begins.", examples=["The sea"])
    max_words: int = Field(default=24, ge=1, le=500)
    seed: int = Field(default=0, ge=0)


class TextOutput(BaseModel):
    text: str


class __CLASS__(fal.App, name="__NAME__", keep_alive=300, max_multiplexing=4):
    # "S" is a CPU; a language model wants "GPU-A100" or "GPU-H100".
    machine_type = "S"

    def setup(self):
        # Runs once for each runner, before its first request: load weights here.
        self.chain = Chain(TEXT)
        print(f"{len(self.chain.following)} words are known")

    @fal.endpoint("/")
    def complete(self, input: TextInput) -> TextOutput:
        return TextOutput(text=" ".join(self.words(input)))

    @fal.endpoint("/stream")
    def stream(self, input: TextInput) -> StreamingResponse:
        """One event for each word, then one with the whole text."""
        return StreamingResponse(self.events(input), media_type="text/event-stream")

    def words(self, input: TextInput) -> Iterator[str]:
        yield from self.chain.words(input.prompt, input.max_words, input.seed)

    def events(self, input: TextInput) -> Iterator[str]:
        words = []
        for word in self.words(input):
            words.append(word)
            yield event({"word": word})
        yield event({"text": " ".join(words), "done": True})


def event(data: dict) -> str:
    return f"data: {json.dumps(data)}\n\n"


TEXT = """the sea is calm and the night is long and the boat is small and the wind is warm
and the stars are far and the sea is deep and the night is calm and the boat is far from the land"""


class Chain:
    """Each word after one that it followed in a text. Put your model in its place: a prompt gives words, one after the other."""

    def __init__(self, text: str):
        words = text.split()
        self.following: dict[str, list[str]] = {}
        for word, after in zip(words, words[1:]):
            self.following.setdefault(word, []).append(after)

    def words(self, prompt: str, count: int, seed: int) -> Iterator[str]:
        chance = random.Random(seed)
        begun = prompt.lower().split()
        yield from prompt.split()[:count]
        word = begun[-1] if begun else "the"
        for _ in range(count - len(begun)):
            word = chance.choice(self.following.get(word, ["the"]))
            yield word
