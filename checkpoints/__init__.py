"""The embedded default: the open head and trained weights, each with its card."""

from pathlib import Path

if __name__ == "checkpoints":
    raise ImportError("import facegen.checkpoints, not checkpoints")

OPEN_HEAD = Path(__file__).parent / "open-head" / "head.npz"
OPEN_REENACTOR = Path(__file__).parent / "open-reenactor"
