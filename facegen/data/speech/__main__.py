"""``python -m facegen.data.speech --out cache --data ../shared/data``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from facegen.data.speech.build import SpeechBuild, build
from facegen.errors import FacegenError


def main() -> int:
    """Build the speech cache that the lip and head networks are trained on."""
    parser = argparse.ArgumentParser(prog="python -m facegen.data.speech", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the cache")
    parser.add_argument("--data", type=Path, help="folder with talking_grid_s1_head, audio_emotion")
    parser.add_argument("--tracked", type=Path, help="folder of tracked clips")
    parser.add_argument("--texts", type=Path, help="texts for the engines: language<tab>text")
    for name in ("espeak", "flite", "festival", "negatives"):
        minutes = getattr(SpeechBuild, name)
        parser.add_argument(f"--{name}", type=float, default=minutes, help="minutes of it")
    try:
        cache, left_out = build(SpeechBuild(**vars(parser.parse_args())))
    except FacegenError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for line in left_out:
        sys.stderr.write(f"left out: {line}\n")
    for source in cache.sources:
        sys.stdout.write(f"{source['name']:10} {source['minutes']:6.1f} min  {source['licence']}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
