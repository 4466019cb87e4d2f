import os

import fal
from pydantic import BaseModel


class BoxedInput(BaseModel):
    name: str


class BoxedOutput(BaseModel):
    text: str


class Boxed(fal.App, name="boxed", keep_alive=300):
    machine_type = "XS"
    app_files = ["shared"]
    app_files_context_dir = ".."

    def setup(self):
        home = os.environ["HOME"]
        self.greeting = "Hello"
        print("boxed is set up in %s" % home)

    @fal.endpoint("/")
    def greet(self, input: BoxedInput) -> BoxedOutput:
        from shared.wording import worded

        text = worded(self.greeting, input.name)
        return BoxedOutput(text=text)
