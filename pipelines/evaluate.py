"""Generators as methods of the evaluator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.baselines import Driving, Playback
from facegen.evaluation.landmarks import FACE_MESH
from facegen.evaluation.protocol import Task
from facegen.evaluation.roles import Origin
from facegen.media import write_image
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.reenact import ReenactmentPipeline


class PipelineMethod:
    """The reenactment pipeline, driven by a clip with an early frame of it as the photo.

    Its motion comes from the MediaPipe mesh, which landmark metrics read too: such numbers are
    marked in the report.
    """

    def __init__(self, pipe: ReenactmentPipeline) -> None:
        self.pipe = pipe
        self.origin = Origin(pipe.generator, estimators=(FACE_MESH,))

    def open(
        self, task: Task, reference: Driving, indices: Sequence[int]
    ) -> tuple[Playback, list[str]]:
        """Track the whole clip, paint only the frames that are asked for."""
        # What the clip does since its reference frame, on the photo that is that frame.
        config = ReenactConfig(motion="relative", reference_frame=str(task.reference_frame))
        with TemporaryDirectory() as folder:
            photo = Path(folder) / "reference.png"
            write_image(photo, reference.image)
            portrait = self.pipe.portray(photo, config)
        motion = self.pipe.transfer(portrait, self.pipe.follow(task.drive, config), config)
        inside = [i for i in indices if i < len(motion)]
        problems = [] if len(inside) == len(indices) else ["motion shorter than the clip"]
        wanted = motion[np.array(inside)]  # type: ignore[index]
        frames = zip(inside, self.pipe.paint(portrait, wanted, workers=1), strict=True)

        def play(frame: Driving) -> NDArray[np.uint8] | None:
            number, picture = next(frames, (-1, None))
            return picture if number == frame.index else None

        return play, problems
