"""``python -m facegen.headbuild --out checkpoints/open-head/head.npz --data ../shared/data``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from facegen.headbuild.build import build


def main() -> None:
    """Rebuild the open head; finished stages are read from the work folder."""
    parser = argparse.ArgumentParser(prog="python -m facegen.headbuild", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write")
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("FACEGEN_DEV_DATA", "../shared/data"),
        help="folder with makehuman_cc0, portraits and assets3d",
    )
    parser.add_argument(
        "--work", type=Path, default=Path("build/headbuild"), help="where stages are kept"
    )
    given = parser.parse_args()
    build(given.out, Path(given.data), given.work)


if __name__ == "__main__":
    main()
