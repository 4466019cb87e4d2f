"""Asks the app as any client does. `windtunnel run app.py` in one terminal, `windtunnel exec -- pytest` in another."""

import fal_client

APP = "__ID__"


def test_kind_and_unkind_words():
    assert fal_client.subscribe(APP, arguments={"text": "a great day"}) == {"score": 2}
    assert fal_client.subscribe(APP, arguments={"text": "an awful day"}) == {"score": -2}
