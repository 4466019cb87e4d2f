"""Tells which GPUs it was given."""

import os

import fal


class Gpu(fal.App, name="gpu", keep_alive=300, min_concurrency=2, max_concurrency=2):
    machine_type = ["GPU-B200", "GPU-H100"]

    @fal.endpoint("/")
    def devices(self, body: dict) -> dict:
        return {"cuda": os.environ.get("CUDA_VISIBLE_DEVICES"), "runner": os.environ["FAL_JOB_ID"]}


class TooMany(fal.App, name="too-many"):
    machine_type = "GPU-H100"
    num_gpus = 3

    @fal.endpoint("/")
    def devices(self, body: dict) -> dict:
        return {}


class Cuda(fal.App, name="cuda"):
    machine_type = "GPU-H100"

    @fal.endpoint("/")
    def move(self, body: dict) -> dict:
        import torch

        torch.cuda.use()
        return {}
