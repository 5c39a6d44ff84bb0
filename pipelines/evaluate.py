"""Generators as methods of the evaluator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from facegen.evaluation.baselines import Driving, Playback
from facegen.evaluation.footage import Footage
from facegen.evaluation.landmarks import FACE_MESH
from facegen.media import write_image
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.reenact import ReenactmentPipeline
from facegen.recognizer.registry import origin_of


class PipelineMethod:
    """The reenactment pipeline, driven by a clip with an early frame of it as the photo.

    Its motion comes from the MediaPipe mesh, which landmark metrics read too: such numbers are
    marked in the report.

    Args:
        refined: with motion that is corrected by the picture (``ReenactConfig.refine``).
    """

    def __init__(self, pipe: ReenactmentPipeline, *, refined: bool = False) -> None:
        self.pipe, self._refined = pipe, refined
        name = f"{pipe.generator}-refined" if refined else pipe.generator
        self.origin = replace(origin_of(name, pipe.painter.guides), estimators=(FACE_MESH,))

    def open(self, footage: Footage) -> tuple[Playback, list[str]]:
        """Track the whole clip, paint only the frames that are asked for."""
        start = footage.reference_index
        # What the clip does since its reference frame, on the photo that is that frame.
        config = ReenactConfig(
            motion="auto" if start is None else "relative",
            reference_frame="auto" if start is None else str(start),
            refine=self._refined,
            ref_face=_place(footage.reference.middle),
            face=_place(footage.face),
        )
        with TemporaryDirectory() as folder:
            photo = Path(folder) / "reference.png"
            write_image(photo, footage.reference.image)
            portrait = self.pipe.portray(photo, config)
        motion = self.pipe.transfer(portrait, self.pipe.follow(footage.drive, config), config)
        inside = [i for i in footage.indices if i < len(motion)]
        problems = [] if len(inside) == len(footage.indices) else ["motion shorter than the clip"]
        wanted = motion[np.array(inside)]  # type: ignore[index]
        # Without a thread of its own, the time spent here is the time a frame takes.
        frames = zip(inside, self.pipe.paint(portrait, wanted, workers=0), strict=True)

        def play(frame: Driving) -> NDArray[np.uint8] | None:
            number, picture = next(frames, (-1, None))
            return picture if number == frame.index else None

        return play, problems


def _place(point: tuple[float, float]) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"
