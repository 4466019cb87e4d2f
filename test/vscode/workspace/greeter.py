import fal
from pydantic import BaseModel


class GreetInput(BaseModel):
    name: str
    count: int = 1


class GreetOutput(BaseModel):
    text: str


class Greeter(fal.App, name="greeter", keep_alive=300):
    machine_type = "XS"

    def setup(self):
        self.greeting = "Hello"
        print("greeter is set up")

    @fal.endpoint("/")
    def greet(self, input: GreetInput) -> GreetOutput:
        text = f"{self.greeting}, {input.name}!" * input.count
        print(f"greeting {input.name}")
        return GreetOutput(text=text)

    @fal.endpoint("/shout")
    def shout(self, input: GreetInput) -> GreetOutput:
        return GreetOutput(text=self.greeting.upper())
