"""Draws a picture as pixel art through the queue. Nothing in it knows of Windtunnel.

    python client.py [PICTURE]           upload, queue, logs, result
    python client.py --stream [PICTURE]  the same with progress events, past the queue
    python client.py --realtime          ten frames over one websocket
"""

import sys
from pathlib import Path

import fal_client

arguments = sys.argv[1:]
mode = arguments.pop(0) if arguments and arguments[0].startswith("--") else "--queue"
picture = Path(arguments[0]) if arguments else Path(__file__).with_name("hills.jpg")


def through_queue() -> None:
    shown = []

    def show(line: str) -> None:
        # Each poll tells everything so far.
        if line not in shown:
            shown.append(line)
            print(line)

    def on_update(update) -> None:
        if isinstance(update, fal_client.Queued):
            show(f"IN_QUEUE, {update.position} before this one")
        elif isinstance(update, fal_client.InProgress):
            show("IN_PROGRESS")
            for log in update.logs or []:
                show(f"  {log['message']}")

    result = fal_client.subscribe(
        "local/pixels",
        {"image_url": fal_client.upload_file(picture), "block": 8, "colors": 12},
        with_logs=True,
        on_queue_update=on_update,
    )
    print(result["image"]["url"], " ".join(result["palette"]))


def streamed() -> None:
    for event in fal_client.stream("local/pixels", {"image_url": fal_client.upload_file(picture)}):
        print(f"{event['progress']:.0%}", event.get("image", {}).get("url", ""))


def realtime() -> None:
    with fal_client.realtime("local/pixels") as connection:
        for block in range(4, 24, 2):
            connection.send({"image": picture.read_bytes(), "block": block})
            frame = connection.recv()
            print(f"block {block}: {frame['width']}x{frame['height']}, {len(frame['image'])} bytes")


{"--queue": through_queue, "--stream": streamed, "--realtime": realtime}[mode]()
