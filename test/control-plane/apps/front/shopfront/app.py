import fal
import held_package

from shopfront.prices import price


class Front(fal.App):
    def setup(self):
        print("opening the front")

    @fal.endpoint("/")
    def ask(self) -> dict:
        print("asked")
        return {"price": price(), "word": held_package.WORD, "module": __name__}
