"""Sends a picture to the OCR app through the queue and prints the text. Nothing in it knows of Windtunnel."""

import sys
from pathlib import Path

import fal_client

picture = sys.argv[1] if len(sys.argv) > 1 else str(Path(__file__).with_name("receipt.png"))

result = fal_client.subscribe("local/ocr", {"image_url": fal_client.upload_file(picture)})
print(result["text"])
print(f"({result['seconds']:.2f} s on {result['device']})", file=sys.stderr)
