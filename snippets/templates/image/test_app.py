"""Asks the app as any client does. `windtunnel run app.py` in one terminal, `windtunnel exec -- pytest` in another."""

import fal_client

APP = "__ID__"


def test_an_image_of_the_asked_size():
    result = fal_client.subscribe(APP, arguments={"prompt": "a quiet lake", "width": 128, "height": 64})
    assert (result["image"]["width"], result["image"]["height"]) == (128, 64)
    assert result["image"]["url"].startswith("http")


def test_the_same_seed_gives_the_same_seed_back():
    result = fal_client.subscribe(APP, arguments={"prompt": "hills", "width": 64, "height": 64, "seed": 7})
    assert result["seed"] == 7
