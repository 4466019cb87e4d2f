"""Asks the app as any client does. `windtunnel run app.py` in one terminal, `windtunnel exec -- pytest` in another."""

import fal_client

APP = "__ID__"


def test_a_frame_for_a_frame():
    fal_client.subscribe(APP, arguments={})
    with fal_client.realtime(APP) as connection:
        connection.send({"x": 0.0, "y": 0.0})
        first = connection.recv()
        connection.send({"x": 1.0, "y": 1.0, "smoothing": 0.5})
        second = connection.recv()
    assert (first["x"], first["y"]) == (0.0, 0.0)
    assert (second["x"], second["y"]) == (0.5, 0.5)
    assert second["points"] == first["points"] + 1
