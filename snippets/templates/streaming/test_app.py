"""Asks the app as any client does. `windtunnel run app.py` in one terminal, `windtunnel exec -- pytest` in another."""

import fal_client

APP = "__ID__"


def test_the_events_make_up_the_text():
    events = list(fal_client.stream(APP, arguments={"prompt": "The sea", "max_words": 8}))
    words = [event["word"] for event in events if "word" in event]
    assert len(words) == 8
    assert events[-1] == {"text": " ".join(words), "done": True}


def test_the_queue_gives_the_same_text():
    arguments = {"prompt": "The sea", "max_words": 8}
    streamed = list(fal_client.stream(APP, arguments=arguments))[-1]["text"]
    assert fal_client.subscribe(APP, arguments=arguments)["text"] == streamed
