"""Options shared by the trainers."""

from pathlib import Path
from typing import Annotated, Optional

from facegen.cli.options import Option

Output = Annotated[
    Path, Option("-o", "--out", help="Folder of this training; an earlier run there goes on.")
]
Steps = Annotated[int, Option(min=1, help="Optimiser steps of the whole training.")]
BatchSize = Annotated[int, Option(min=1, help="Samples of one process in one pass.")]
Accumulate = Annotated[int, Option(min=1, help="Passes that make one optimiser step.")]
LearningRate = Annotated[float, Option(help="Of AdamW, after the warm-up.")]
Warmup = Annotated[int, Option(min=0, help="Steps over which the learning rate rises.")]
Schedule = Annotated[str, Option(help="Learning rate after the warm-up: constant or cosine.")]
Precision = Annotated[str, Option(help="auto, fp32, bf16 or fp16.")]
Seed = Annotated[int, Option(min=0, help="Seed of weights, data and noise.")]
Minutes = Annotated[Optional[float], Option(help="Save and end this run after so many minutes.")]
SaveEvery = Annotated[int, Option(min=1, help="Steps between checkpoints.")]
LogEvery = Annotated[int, Option(min=1, help="Steps between lines of log.jsonl.")]
SampleEvery = Annotated[int, Option(min=0, help="Steps between sample pictures; 0: none.")]
Workers = Annotated[int, Option(min=0, help="Threads that prepare batches.")]
Resume = Annotated[
    bool, Option("--resume/--fresh", help="Go on from the last checkpoint, or refuse one.")
]
Emotion = Annotated[
    float, Option(min=0, help="Weight of what a recognizer sees in the pictures; 0: none.")
]
Guide = Annotated[str, Option(help="That recognizer: open, fer, faceapi or a folder.")]
