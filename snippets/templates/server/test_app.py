"""Asks the app as any client does. `windtunnel run app.py` in one terminal, `windtunnel exec -- pytest` in another."""

import fal_client

APP = "__ID__"


def test_it_counts_words():
    result = fal_client.subscribe(APP, arguments={"text": "one three"})
    assert result == {"words": 2, "longest": "three"}
