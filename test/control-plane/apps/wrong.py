"""Everything that the checks before a deployment find."""

import fal
import helper_of_mine
import torch


class Wrong(fal.App):
    machine_type = "GPU-H10"
    max_concurency = 4
    requirements = ["this-package-does-not-exist-anywhere==1.0", "private @ https://${WRONG_TOKEN}@example.com/x.whl"]
    secrets = ["WRONG_SECRET"]

    @fal.endpoint("/")
    def run(self, prompt: str, steps: int = 4) -> dict:
        return {"prompt": helper_of_mine.shout(prompt), "steps": steps, "cuda": torch.cuda}
