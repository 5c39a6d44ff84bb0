"""The family's noise schedule: DDIM, velocity prediction, zero signal at the last step."""

from __future__ import annotations

from typing import Any

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor


class Schedule:
    """Deterministic steps from noise to latents (Song et al. 2021, "DDIM").

    Betas are linear and rescaled so that the last step holds no signal; steps trail (Lin et al.
    2024, "Common diffusion noise schedules and sample steps are flawed").

    Args:
        steps: evaluations of the network. device: of the times.
    """

    def __init__(self, steps: int, device: torch.device | str = "cpu") -> None:
        self._scheduler: Any = DDIMScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="linear",
            clip_sample=False,
            steps_offset=1,
            prediction_type="v_prediction",
            timestep_spacing="trailing",
            rescale_betas_zero_snr=True,
        )
        self._scheduler.set_timesteps(steps, device=device)

    @property
    def times(self) -> Tensor:
        """``(steps,)`` integers, the noisiest first."""
        return self._scheduler.timesteps

    def step(self, velocity: Tensor, time: Tensor, x: Tensor) -> Tensor:
        """From ``x`` at ``time`` to the next time; any shape, frame by frame the same."""
        return self._scheduler.step(velocity, time, x, eta=0.0, return_dict=False)[0]
