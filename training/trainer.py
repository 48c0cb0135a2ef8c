# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ultralytics' detection trainer, inside a time budget.

Network, loss, the optimizer's groups, the moving average and the validator are ultralytics'. The
loop is ours: bfloat16 forward and backward with the loss in float32, a learning rate that follows
the clock, and checkpoints in the middle of an epoch that hold nothing but tensors and numbers.
"""

from __future__ import annotations

import os
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import ultralytics
from ultralytics.models.yolo.detect import DetectionTrainer

from training.errors import TrainError
from training.loader import RoomDataset, build_loader
from training.loss import LenientEntropy, as_float
from training.schedule import Position, Schedule, learning_rate_factor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from plans.plan_sets import Split
    from training.loader import PageTransform
    from training.progress import Progress

CHECKPOINT_S = 600.0  # an epoch may take longer; a killed run loses no more than this
ENDING_S, ENDING_SHARE = 5.0, 0.01  # set aside for the last step and for writing the weights
LOSSES = ("box_loss", "cls_loss", "dfl_loss")


class RoomTrainer(DetectionTrainer):  # type: ignore[misc] # ultralytics has no types
    """Trains one class, ``room``, until the budget is spent."""

    def __init__(
        self,
        overrides: dict[str, Any],
        *,
        split: Split,
        schedule: Schedule,
        progress: Progress,
        page_transform: PageTransform | None = None,
        must_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.split = split
        self.complete = {str(sample.path) for sample in split.train if sample.is_complete}
        self.schedule = schedule
        self.progress = progress
        self.page_transform = page_transform
        self.must_stop = must_stop
        self.position = Position()
        self.license = "AGPL-3.0-or-later"
        self.step_s = 0.0  # the longest, with the wait for its pictures
        has = torch.cpu.get_capabilities()
        super().__init__(overrides=overrides)
        on_cpu = self.device.type == "cpu"
        self.bfloat16 = not on_cpu or bool(has.get("avx512_bf16") or has.get("amx_bf16"))
        # Integrations of ultralytics (trackers, its platform) would talk to the network.
        self.callbacks: dict[str, list[Any]] = {}
        self.wdir.rmdir()  # its checkpoints' folder; ours lie beside the record

    # -- what ultralytics asks for ----------------------------------------------------------

    def get_dataset(self) -> dict[str, Any]:
        """One class; the pictures come from the split."""
        return {"train": "train", "val": "val", "nc": 1, "names": {0: "room"}, "channels": 3}

    def setup_model(self) -> Any:
        """Load or make the network, channels last, as the CPU's bfloat16 kernels like it.

        Raises:
            TrainError: If the start checkpoint cannot be read.
        """
        try:
            checkpoint = super().setup_model()
        except Exception as err:  # whatever unpickling a foreign file raises
            raise TrainError(f"{self.args.model} is no checkpoint to start from: {err}") from err
        self.model: Any = self.model.to(memory_format=torch.channels_last)
        if checkpoint and checkpoint.get("license") == "AGPL-3.0-only":
            self.license = "AGPL-3.0-only"  # of the start, and so of what is made from it
        return checkpoint

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        """Held-out pictures as they are, or training pictures with augmentation."""
        training = img_path == "train"
        return RoomDataset(
            self.split.train if training else self.split.val,
            page_transform=self.page_transform if training else None,
            turns=self.schedule.turns if training else 0.0,
            imgsz=self.args.imgsz,
            batch_size=batch,
            augment=mode == "train",
            hyp=self.args,
            rect=mode == "val",
            cache="ram",
            single_cls=True,
            stride=32,
            pad=0.0 if mode == "train" else 0.5,
        )

    def get_dataloader(
        self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train"
    ) -> Any:
        """A loader for a single pass."""
        del rank  # one process trains
        workers = 0 if mode == "val" else self.schedule.workers
        dataset = self.build_dataset(dataset_path, mode, batch_size)
        return build_loader(dataset, batch_size, workers=workers)

    # -- the clock --------------------------------------------------------------------------

    def share(self) -> float:
        """Spent share of the run, 0 to 1, by the clock or by epochs, whichever is further."""
        ending_s = max(ENDING_S, ENDING_SHARE * 60 * self.schedule.minutes)
        reserve_s = ending_s + self.step_s + 1.5 * self.position.validation_s
        whole_s = 60 * self.schedule.minutes - reserve_s - self.position.began_s
        if whole_s <= 0:
            return 1.0
        share = (self.progress.elapsed_s() - self.position.began_s) / whole_s
        if self.schedule.epochs:
            whole = max(len(self.train_loader.dataset), 1)
            done = self.position.epoch + self.position.pictures / whole
            share = max(share, done / self.schedule.epochs)
        return min(max(share, 0.0), 1.0)

    # -- the loop ---------------------------------------------------------------------------

    def _do_train(self) -> None:
        """Train until the budget is spent or a stop is asked for."""
        self._setup_train()
        self.model.criterion = self.model.init_criterion()
        self.model.criterion.bce = LenientEntropy(self.schedule.ignore_unlabeled_above)
        self.loss, self.loss_items = torch.zeros(()), {name: torch.zeros(()) for name in LOSSES}
        if self.progress.checkpoint.exists():
            self.resume_from(self.progress.checkpoint)
        else:
            self.position.validated_s = self.progress.elapsed_s()
            self._validate_and_record()
            self.position.began_s = self.progress.elapsed_s()
            if self.share() >= 1:
                raise TrainError(
                    f"{self.schedule.minutes:g} minutes are over before the first step: "
                    f"reading pictures and validating took {self.position.began_s / 60:.1f}"
                )
        while self.share() < 1 and not self.must_stop():
            self._train_epoch()
        self.finished = self.share() >= 1
        if self.finished and self.progress.last_validated != self.position.epoch:
            self._validate_and_record()
        self.save(self.progress.checkpoint)

    def _train_epoch(self) -> None:
        """One epoch or its rest, up to where mosaics end or the budget does."""
        mosaic = self._uses_mosaic()
        loader = self._rest_of_the_epoch()
        self._model_train()
        if not self.position.pictures:
            self.progress.begin_epoch()
        saved_s = stepped_s = self.progress.elapsed_s()
        for batch in loader:
            self._train_step(batch)
            now_s = self.progress.elapsed_s()
            if self.position.steps > 1:  # the first one also prepares the kernels
                self.step_s = max(self.step_s, now_s - stepped_s)
            stepped_s = now_s
            if self.share() >= 1 or self.must_stop():
                break
            if mosaic and not self._uses_mosaic():
                return  # the rest of the epoch comes without
            if now_s - saved_s > CHECKPOINT_S:
                self.save(self.progress.checkpoint)
                saved_s = stepped_s = self.progress.elapsed_s()
        if not self.must_stop():
            self._end_epoch()

    def _uses_mosaic(self) -> bool:
        """Whether mosaics are made; towards the end of the run they are switched off."""
        if self.args.mosaic and self.share() >= 1 - self.schedule.close_mosaic:
            self.args.mosaic = 0.0
            self.train_loader.dataset.close_mosaic(self.args)
            self.progress.say("no mosaics from here on")
        return bool(self.args.mosaic)

    def _rest_of_the_epoch(self) -> Any:
        """Batches from the position on, the same ones however often the run was stopped."""
        place = (self.schedule.seed, self.position.epoch, self.position.pictures)
        dataset: RoomDataset = self.train_loader.dataset
        dataset.set_epoch(self.position.epoch, self.schedule.seed)
        return build_loader(
            dataset,
            self.batch_size,
            workers=self.schedule.workers,
            start=self.position.pictures,
            seed=int(np.random.default_rng(place).integers(2**63)),
        )

    def _end_epoch(self) -> None:
        self.position.epoch += 1
        self.position.pictures = 0
        due_s = self.position.validated_s + 60 * self.schedule.validate_minutes
        if self.share() >= 1 or self.progress.elapsed_s() >= due_s:
            self._validate_and_record()
        self.save(self.progress.checkpoint)

    def _train_step(self, batch: dict[str, Any]) -> None:
        factor = learning_rate_factor(self.share())
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        batch = self.preprocess_batch(batch)
        picture = batch["img"].contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.bfloat16):
            predicted = self.model(picture)
        # The loss adds up thousands of small terms, too many for bfloat16's 8 bits.
        entropy = self.model.criterion.bce
        is_complete = [file in self.complete for file in batch["im_file"]]
        entropy.is_complete = torch.tensor(is_complete, device=self.device)
        loss, self.loss_items = self.model.loss(batch, as_float(predicted))
        entropy.is_complete = None
        self.loss = loss.sum()
        self.loss.backward()
        self.optimizer_step()
        self.position.steps += 1
        pictures = len(batch["im_file"])
        self.position.pictures += pictures
        self.progress.step(
            self.position, self.share(), pictures, self.loss_items, self._learning_rate()
        )

    def _learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def _validate_and_record(self) -> None:
        before_s = self.progress.elapsed_s()
        self.epoch = self.position.epoch
        self.metrics, self.fitness = self.validate()
        after_s = self.progress.elapsed_s()
        self.position.validation_s = max(self.position.validation_s, after_s - before_s)
        self.position.validated_s = after_s
        self.progress.record(self.position, self.share(), self.metrics, self._learning_rate())

    # -- checkpoints ------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write weights, moving average, optimizer and position, all or nothing."""
        state = {
            "run": self.progress.fingerprint,
            "elapsed_s": self.progress.elapsed_s(),
            "position": {name: getattr(self.position, name) for name in Position.__slots__},
            "model": self.model.state_dict(),
            "ema": self.ema.ema.state_dict(),
            "ema_updates": self.ema.updates,
            "optimizer": self.optimizer.state_dict(),
        }
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    def write_final(self, path: Path) -> None:
        """Write the moving average in half precision, as ``YOLO(path)`` reads it."""
        model = deepcopy(self.ema.ema).cpu().half().to(memory_format=torch.contiguous_format)
        model.criterion = None
        model.args = {"task": "detect", "imgsz": self.args.imgsz}
        for parameter in model.parameters():
            parameter.requires_grad = False
        content = {
            "epoch": -1,
            "model": model,
            "train_args": {"task": "detect", "imgsz": self.args.imgsz, "single_cls": True},
            "train_metrics": self.progress.rows[-1],
            "version": ultralytics.__version__,
            "license": self.license,
        }
        torch.save(content, path)

    def resume_from(self, path: Path) -> None:
        """Continue where :meth:`save` was; the file is read without unpickling objects."""
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.ema.ema.load_state_dict(state["ema"])
        self.ema.updates = state["ema_updates"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.position = Position(**state["position"])
        self.progress.resume(state["elapsed_s"], self.position.epoch)
        self.progress.say(
            f"resumed in epoch {self.position.epoch + 1} after {state['elapsed_s'] / 60:.1f} min"
        )
