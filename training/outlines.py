# SPDX-License-Identifier: AGPL-3.0-or-later
"""Train the network that draws the outlines of found rooms.

``python -m training.outlines --data build/floors --data build/plans --out build/outlines`` needs
``make venv-train`` and folders of ``python -m plans.synth``. It writes ``outlines.xml`` and
``outlines.bin``, which are OpenVINO's. The same command goes on with a run that was stopped.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import openvino as ov
import torch
from torch import Tensor, nn
from torch.nn import functional

from plans.synth.outline_samples import SAMPLE_PX, Room, draw_sample, read_rooms
from training.errors import TrainError

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKPOINT, NETWORK = "last.pt", "outlines.xml"
_CHANNELS = (8, 16, 32, 48)  # after one, two, three and four halvings
_DICE_SHARE = 0.5  # of the loss; the rest is cross-entropy
_WARM_UP_STEPS = 50
_FALLING_SHARE = 0.3  # of the steps, the last ones, in which the learning rate falls to nothing
_MOST_MEMORY = 0.997  # of the mean of the weights, which is what is written
_SAVE_S, _SAY_STEPS = 120.0, 50


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


class OutlineNet(nn.Module):  # type: ignore[misc]  # torch is not installed beside the checks
    """A small U-Net: what of a crop lies in the room.

    Takes uint8 gray, shape ``(n, 1, side, side)``, sides a multiple of 16; answers float32 of the
    same shape, 0 to 1.
    """

    def __init__(self) -> None:
        super().__init__()
        a, b, c, d = _CHANNELS
        self.down_a = _conv(1, a, 2)
        self.down_b = nn.Sequential(_conv(a, b, 2), _conv(b, b))
        self.down_c = nn.Sequential(_conv(b, c, 2), _conv(c, c))
        self.down_d = nn.Sequential(_conv(c, d, 2), _conv(d, d), _conv(d, d))
        self.up_c, self.mix_c = nn.Conv2d(d, c, 1), _conv(c, c)
        self.up_b, self.mix_b = nn.Conv2d(c, b, 1), _conv(b, b)
        self.up_a, self.mix_a = nn.Conv2d(b, a, 1), _conv(a, a)
        self.last = nn.Conv2d(a, 4, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """The share of each pixel that lies in the room."""
        return torch.sigmoid(self.logits(pixels))

    def logits(self, pixels: Tensor) -> Tensor:
        """The same before the sigmoid."""
        a = self.down_a(1 - pixels.float() / 255)
        b = self.down_b(a)
        c = self.down_c(b)
        d = self.down_d(c)
        c = self.mix_c(c + _twice(self.up_c(d)))
        b = self.mix_b(b + _twice(self.up_b(c)))
        a = self.mix_a(a + _twice(self.up_a(b)))
        return functional.pixel_shuffle(self.last(a), 2)


def _twice(low: Tensor) -> Tensor:
    return functional.interpolate(low, scale_factor=2.0, mode="nearest")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the result, beside the data.

    Attributes:
        batch: Rooms a batch.
        rate: The highest learning rate.
        seed: Of the weights and the samples.
    """

    batch: int
    rate: float
    seed: int

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate of one of so many steps."""
        falling = (steps - step) / max(1.0, _FALLING_SHARE * steps)
        return self.rate * min(1.0, (step + 1) / _WARM_UP_STEPS, falling)


class Run:
    """A run on its way: the network, the mean of its weights, and the optimizer.

    Args:
        recipe: What decides the result.
        path: Of its checkpoint, with which it goes on if it is there.

    Raises:
        TrainError: If the checkpoint is of another recipe.
    """

    def __init__(self, recipe: Recipe, path: Path) -> None:
        torch.manual_seed(recipe.seed)
        self.net = OutlineNet().to(memory_format=torch.channels_last)
        self.mean = deepcopy(self.net)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), recipe.rate, weight_decay=1e-4)
        self.step = 0
        self._recipe, self._path = recipe, path
        self._bfloat16 = has_fast_bfloat16()
        if path.exists():
            state: dict[str, Any] = torch.load(path, weights_only=True)
            if state["recipe"] != repr(recipe):
                raise TrainError(f"{path} is of {state['recipe']}; take another --out")
            self.step = state["step"]
            for part, name in self._parts():
                part.load_state_dict(state[name])

    def _parts(self) -> tuple[tuple[Any, str], ...]:
        return (self.net, "net"), (self.mean, "mean"), (self.optimizer, "optimizer")

    def learn(self, crops: Tensor, masks: Tensor, rate: float) -> float:
        """Make a step; return its loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.net.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            logits = self.net.logits(crops)
        loss = loss_of(logits.float(), masks)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        memory = min(_MOST_MEMORY, self.step / (self.step + 10))
        ours, theirs = self.mean.state_dict(), self.net.state_dict()
        for name, value in ours.items():
            if value.is_floating_point():
                value.lerp_(theirs[name], 1 - memory)
        return float(loss.item())

    def save(self) -> None:
        """Write the checkpoint, all or nothing, and the network as it is."""
        state = {"recipe": repr(self._recipe), "step": self.step}
        partial = self._path.with_suffix(".partial")
        torch.save(state | {name: part.state_dict() for part, name in self._parts()}, partial)
        partial.replace(self._path)
        write_network(self.mean, self._path.with_name(NETWORK))


def has_fast_bfloat16() -> bool:
    """Whether the CPU computes in bfloat16; elsewhere it is slower than float32."""
    has = torch.cpu.get_capabilities()
    return bool(has.get("avx512_bf16") or has.get("amx_bf16"))


def loss_of(logits: Tensor, masks: Tensor) -> Tensor:
    """Cross-entropy and soft Dice."""
    entropy = functional.binary_cross_entropy_with_logits(logits, masks)
    inside = torch.sigmoid(logits)
    both = (inside * masks).sum((1, 2, 3))
    dice = 1 - (2 * both + 1) / (inside.sum((1, 2, 3)) + masks.sum((1, 2, 3)) + 1)
    return (1 - _DICE_SHARE) * entropy + _DICE_SHARE * dice.mean()


def draw_batch(rooms: Sequence[Room], recipe: Recipe, step: int) -> tuple[Tensor, Tensor]:
    """Crops and masks of a step, the same in every run."""
    rng = np.random.default_rng([recipe.seed, step])
    chosen = rng.integers(len(rooms), size=recipe.batch)
    crops, masks = zip(*(draw_sample(rooms[i], rng) for i in chosen), strict=True)
    return torch.from_numpy(np.stack(crops)[:, None]), torch.from_numpy(np.stack(masks)[:, None])


def train(rooms: Sequence[Room], run: Run, recipe: Recipe, steps: int) -> None:
    """Train until so many steps are made, saving now and then."""
    began_s = saved_s = time.monotonic()
    losses: list[float] = []
    while run.step < steps:
        crops, masks = draw_batch(rooms, recipe, run.step)
        losses.append(run.learn(crops, masks, recipe.rate_at(run.step, steps)))
        if run.step % _SAY_STEPS == 0:
            seconds = time.monotonic() - began_s
            print(f"step {run.step}: loss {np.mean(losses):.4f}, {seconds:.0f} s", flush=True)
            losses.clear()
        if time.monotonic() - saved_s > _SAVE_S:
            saved_s = time.monotonic()
            run.save()
    run.save()


def write_network(net: OutlineNet, path: Path) -> None:
    """Write the network as OpenVINO reads it, in half precision, for any number of rooms."""
    net.eval()
    example = torch.zeros((1, 1, SAMPLE_PX, SAMPLE_PX), dtype=torch.uint8)
    with warnings.catch_warnings():
        # OpenVINO 2026.4 traces modules, which torch 2.14 would rather have exported.
        warnings.filterwarnings("ignore", r"`torch\.jit\.trace", FutureWarning)
        model = ov.convert_model(net, example_input=example, input=[-1, 1, SAMPLE_PX, SAMPLE_PX])
    for note in list(model.get_rt_info()):
        model.set_rt_info("", note)
    ov.save_model(model, path, compress_to_fp16=True)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; bad usage ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m training.outlines", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, action="append", required=True, help="folder of plans.synth; repeat")
    add("--out", type=Path, required=True, help="folder of the run")
    add("--steps", type=int, default=6000)
    add("--batch", type=int, default=16, help="rooms a step")
    add("--rate", type=float, default=2e-3, help="highest learning rate")
    add("--seed", type=int, default=0)
    add("--threads", type=int, default=1)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 0 finished, 1 failed, 2 bad usage."""
    args = parse_args(argv)
    cv2.setNumThreads(0)
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    rooms = [room for folder in args.data for room in read_rooms(folder)]
    print(f"{len(rooms)} rooms", flush=True)
    recipe = Recipe(args.batch, args.rate, args.seed)
    try:
        run = Run(recipe, args.out / CHECKPOINT)
    except TrainError as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    train(rooms, run, recipe, args.steps)
    print(f"{args.out / NETWORK} is written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
