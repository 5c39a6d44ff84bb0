"""One training loop for every task: CPU, one GPU, or many processes under ``accelerate launch``."""

from __future__ import annotations

import atexit
import math
import time
from collections.abc import Generator as Stream
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor, nn

from facegen._optional import require
from facegen.errors import UsageError
from facegen.media.atomic import part_path, remove
from facegen.media.lock import TargetLock
from facegen.networks.precision import choose_precision
from facegen.parallel import ordered_map
from facegen.progress import progress_bar
from facegen.training.average import WeightAverage
from facegen.training.checkpoint import Checkpoints
from facegen.training.config import TrainConfig
from facegen.training.log import TrainLog
from facegen.training.stop import StopRequest
from facegen.training.task import Task

if TYPE_CHECKING:
    from accelerate import Accelerator

_MIX = 1_000_003


def train(task: Task, config: TrainConfig, *, resume: bool = True) -> Path:
    """Train ``task`` until ``config.steps`` are done or ``config.minutes`` are over.

    A run that was stopped, killed or out of minutes goes on from its last checkpoint, along the
    curve it would have had without the stop: batches, noise and learning rate are functions of
    the step. Ctrl-C saves first.

    Returns:
        The folder with the exported weights, ``config.output / "export"``.

    Raises:
        MissingExtraError: accelerate is not installed.
        UsageError: settings out of range; a folder that holds another task's training, or one to
            begin anew with ``resume=False``; a loss that is no number any more.
        MediaError: another run is training in the same folder.
    """
    config.validate()
    accelerator = _accelerator(config)
    config.output.mkdir(parents=True, exist_ok=True)
    checkpoints = Checkpoints(config.output / "checkpoints", task.name)
    if not resume and checkpoints.steps():
        raise UsageError(f"{config.output} holds a training; continue it or name another folder")
    lock = TargetLock(config.output)
    if accelerator.is_main_process:
        lock.acquire()
    try:
        return _Run(task, config, accelerator, checkpoints).finish()
    finally:
        lock.release()


class _WithLoss(nn.Module):
    """Model and loss as one call, so that gradients are shared whatever parts the loss uses."""

    def __init__(self, task: Task, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._task = task

    def forward(self, batch: dict[str, Tensor], generator: Generator) -> dict[str, Tensor]:
        return self._task.loss(self.model, batch, generator)


class _Run:
    """One process's share of a training run."""

    def __init__(
        self, task: Task, config: TrainConfig, accelerator: Accelerator, checkpoints: Checkpoints
    ) -> None:
        self._task, self._config, self._accelerator = task, config, accelerator
        self._checkpoints = checkpoints
        require("accelerate.utils", "train").set_seed(config.seed)
        model = task.model()
        model.train()
        optimizer = torch.optim.AdamW(_groups(model, config.weight_decay), lr=config.learning_rate)
        self._wrapped, self._optimizer = accelerator.prepare(_WithLoss(task, model), optimizer)
        self._model: nn.Module = accelerator.unwrap_model(self._wrapped).model
        self._average = WeightAverage(self._model, config.ema)
        self._begun = checkpoints.load_latest(accelerator, self._average)
        self._sums: dict[str, Tensor] = {}
        self._count = 0
        self._since = time.monotonic()

    def finish(self) -> Path:
        """Run to the end of the steps or the minutes; returns the exported folder."""
        config, done = self._config, self._begun
        if self._is_main:
            (config.output / "config.json").write_text(config.to_json())
            self._log = TrainLog(config.output / "log.jsonl", keep_until=done)
        batches = self._batches(done)
        bar = progress_bar(config.steps, f"training {self._task.name}", done=done)
        with StopRequest(config.minutes) as stop, bar as advance, closing(batches):
            stopping = done >= config.steps
            while not stopping:
                norm = self._step(batches, done)
                done += 1
                advance()
                stopping = self._agree(stop.due) or done == config.steps
                if stopping or done % config.log_every == 0:
                    self._report(done, norm)
                if config.sample_every and (stopping or done % config.sample_every == 0):
                    self._sample(done)
                if stopping or done % config.save_every == 0:
                    self._check(done)
                    self._checkpoints.save(self._accelerator, self._average, done)
        return self._export()

    @property
    def _is_main(self) -> bool:
        return bool(self._accelerator.is_main_process)

    def _batches(self, done: int) -> Stream[dict[str, Tensor], None, None]:
        """Batches of all passes from optimiser step ``done`` on, prepared ahead by threads."""
        rank, world = self._accelerator.process_index, self._accelerator.num_processes
        passes = range(done * self._config.accumulate, self._config.steps * self._config.accumulate)

        def load(index: int) -> dict[str, Tensor]:
            return self._task.batch(index, rank, world)

        if self._config.workers == 0:
            yield from map(load, passes)
            return
        yield from ordered_map(load, passes, workers=self._config.workers)

    def _step(self, batches: Iterator[dict[str, Tensor]], step: int) -> Tensor:
        """One optimiser step; returns the norm of the gradient before clipping."""
        config, accelerator = self._config, self._accelerator
        for group in self._optimizer.param_groups:
            group["lr"] = config.rate(step)
        for index in range(config.accumulate):
            last = index == config.accumulate - 1
            generator = self._generator(step * config.accumulate + index)
            batch = {
                name: value.to(accelerator.device, non_blocking=True)
                for name, value in next(batches).items()
            }
            with nullcontext() if last else accelerator.no_sync(self._wrapped):
                losses = self._wrapped(batch, generator)
                accelerator.backward(losses["loss"] / config.accumulate)
            for name, value in losses.items():
                share = value.detach().float() / config.accumulate
                self._sums[name] = self._sums.get(name, torch.zeros_like(share)) + share
        self._count += 1
        norm = accelerator.clip_grad_norm_(self._wrapped.parameters(), config.clip_grad or math.inf)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._average.update(self._model)
        return norm

    def _generator(self, index: int) -> Generator:
        """Noise of one pass of one process; also seeds dropout."""
        rank, world = self._accelerator.process_index, self._accelerator.num_processes
        seed = (self._config.seed * _MIX + index) * world + rank
        torch.manual_seed(seed)
        return Generator(self._accelerator.device).manual_seed(seed)

    def _report(self, done: int, norm: Tensor) -> None:
        """Log the means since the last line, over steps and processes."""
        self._check(done)
        means = {
            name: float(self._accelerator.reduce(value / self._count, "mean"))
            for name, value in self._sums.items()
        }
        pace = (time.monotonic() - self._since) / self._count
        extra = {"gradient": float(norm), "rate": self._config.rate(done - 1), "seconds": pace}
        if self._is_main:
            self._log.write(done, {**means, **extra})
        self._sums, self._count, self._since = {}, 0, time.monotonic()

    def _check(self, done: int) -> None:
        """Refuse to save what has diverged.

        Raises:
            UsageError: the loss is no number any more.
        """
        if self._sums and not self._accelerator.reduce(self._sums["loss"], "sum").isfinite():
            raise UsageError(
                f"the loss is no number any more near step {done}; continue from the last "
                "checkpoint with a smaller --learning-rate or --precision fp32"
            )

    def _sample(self, done: int) -> None:
        if self._is_main:
            folder = self._config.output / "samples"
            folder.mkdir(exist_ok=True)
            self._task.sample(self._average.model.train(False), folder, done)
        self._accelerator.wait_for_everyone()

    def _agree(self, stop: bool) -> bool:
        """Whether any process wants to stop: all must leave at the same step."""
        if self._accelerator.num_processes == 1:
            return stop
        flag = torch.tensor(float(stop), device=self._accelerator.device)
        return float(self._accelerator.reduce(flag, "sum")) > 0

    def _export(self) -> Path:
        target = self._config.output / "export"
        if self._is_main:
            part = part_path(target)
            remove(part)
            part.mkdir()
            self._task.export(self._average.model.train(False), part)
            remove(target)
            part.replace(target)
        self._accelerator.wait_for_everyone()
        return target


def _accelerator(config: TrainConfig) -> Accelerator:
    accelerate = require("accelerate", "train")
    from accelerate.state import AcceleratorState, PartialState
    from accelerate.utils import parse_flag_from_env

    # Without this answer the library takes several CPU processes for several lone ones.
    cpu = not torch.accelerator.is_available() or parse_flag_from_env("ACCELERATE_USE_CPU")
    device = PartialState(cpu=cpu).device
    # Threads of the group that outlive the interpreter would abort a finished process.
    atexit.register(_leave_group)
    precision = choose_precision(config.precision, device)
    # A process may train twice; the library would keep the first run's precision.
    AcceleratorState._reset_state()
    # Switches drawn at random (dropped conditions) leave parameters without gradients.
    parallel = accelerate.DistributedDataParallelKwargs(find_unused_parameters=True)
    return accelerate.Accelerator(
        cpu=cpu,
        mixed_precision="no" if precision == "fp32" else precision,
        kwargs_handlers=[parallel],
    )


def _leave_group() -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Biases and norms are not decayed."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
