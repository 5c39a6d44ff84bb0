"""Which number format a device is quick with."""

from __future__ import annotations

from functools import cache

import torch

from facegen.errors import UsageError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@cache
def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bf16 numbers in hardware (Intel AMX, AVX512-BF16).

    There bf16 is 1.4-4 times faster than fp32; without it, bf16 is emulated and slower.
    """
    probes = (
        getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("amx_tile", "avx512_bf16")
    )
    return any(probe() for probe in probes if probe is not None)


def pick_device(name: str) -> torch.device:
    """``auto`` -> a GPU where there is one, else the CPU; other names as torch knows them.

    Raises:
        UsageError: there is no such device here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).tolist()  # some kinds take numbers and never give them back
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise UsageError(f"--device {name}: not on this machine ({reason}); use auto") from error
    return device


def choose_precision(name: str, device: torch.device | str) -> str:
    """``auto`` -> the quickest safe one of fp32, bf16, fp16 for the device; others pass through.

    Raises:
        UsageError: an unknown name, or fp16 on a CPU.
    """
    kind = torch.device(device).type
    if name == "auto":
        if kind == "cuda":
            return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
        return "bf16" if kind == "cpu" and cpu_has_bf16() else "fp32"
    if name not in DTYPES:
        raise UsageError(f"precision {name}: choose from auto, {', '.join(DTYPES)}")
    if name == "fp16" and kind == "cpu":
        raise UsageError("precision fp16 needs a GPU; use fp32, bf16 or auto on a CPU")
    return name
