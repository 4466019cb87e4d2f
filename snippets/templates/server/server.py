"""The server itself: it knows nothing of fal, and runs by itself with `uvicorn server:make_app --factory`."""

from fastapi import FastAPI
from pydantic import BaseModel


class Question(BaseModel):
    text: str


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/health")
    def health() -> dict:
        return {"status": "ok"}

    @app.post("/")
    def count(question: Question) -> dict:
        words = question.text.split()
        print(f"{len(words)} words")
        return {"words": len(words), "longest": max(words, key=len, default="")}

    return app
