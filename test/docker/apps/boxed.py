"""Deployed into a container: its image copies a file and a module, and builds with an argument and a secret."""

import os
import socket
import sys

import fal
from fal.container import ContainerImage
from pydantic import BaseModel

IMAGE = ContainerImage.from_dockerfile_str(
    # The SDK finds what COPY names at the beginning of a line only.
    """\
FROM python:3.11-slim
ARG FLAVOUR
RUN --mount=type=secret,id=BOX_TOKEN test "$(cat /run/secrets/BOX_TOKEN)" = sesame
RUN echo "$FLAVOUR" >/flavour.txt
WORKDIR /box
COPY boxed_parts ./
""",
    build_args={"FLAVOUR": "mint"},
    secrets={"BOX_TOKEN": "sesame"},
)
BROKEN = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\nRUN echo the lid is stuck && exit 7\n")


class Answer(BaseModel):
    python: str
    hostname: str
    cwd: str
    flavour: str
    label: str
    helper: str
    humanized: str


class Boxed(fal.App):
    app_name = "boxed"
    machine_type = "S"
    image = IMAGE
    requirements = ["humanize==4.9.0"]

    def setup(self):
        import in_the_box

        print("the box is open")
        self.helper = in_the_box.hello()

    @fal.endpoint("/")
    def look(self) -> Answer:
        import humanize

        with open("label.txt") as label, open("/flavour.txt") as flavour:
            return Answer(
                python="%d.%d" % sys.version_info[:2],
                hostname=socket.gethostname(),
                cwd=os.getcwd(),
                flavour=flavour.read().strip(),
                label=label.read().strip(),
                helper=self.helper,
                humanized=humanize.intcomma(12345),
            )


class Stuck(fal.App):
    image = BROKEN

    @fal.endpoint("/")
    def look(self) -> dict:
        return {}


@fal.function(kind="container", image=IMAGE, machine_type="S")
def inside():
    with open("/flavour.txt") as flavour:
        return {"hostname": socket.gethostname(), "flavour": flavour.read().strip()}


if __name__ == "__main__":
    import json

    print(json.dumps({"result": inside(), "here": socket.gethostname()}))
