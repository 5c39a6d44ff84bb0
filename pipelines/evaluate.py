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
from facegen.motion import Motion
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.reenact import Portrait, ReenactmentPipeline
from facegen.recognizer.registry import origin_of


class Tracks:
    """Photo and motion of the clip at hand: generators that share them differ in painting alone.

    Args:
        refined: with motion that is corrected by the picture (``ReenactConfig.refine``).
    """

    def __init__(self, *, refined: bool = False) -> None:
        self.refined = refined
        self._known: tuple[Footage, tuple[Portrait, Motion]] | None = None

    def of(
        self, footage: Footage, pipe: ReenactmentPipeline, config: ReenactConfig
    ) -> tuple[Portrait, Motion]:
        """The fitted photo and the motion carried over to it; tracked once a clip."""
        if self._known is None or self._known[0] is not footage:
            self._known = footage, self.track(footage, pipe, config)
        return self._known[1]

    def track(
        self, footage: Footage, pipe: ReenactmentPipeline, config: ReenactConfig
    ) -> tuple[Portrait, Motion]:
        """Fit the photo and follow the clip."""
        with TemporaryDirectory() as folder:
            photo = Path(folder) / "reference.png"
            write_image(photo, footage.reference.image)
            portrait = pipe.portray(photo, config)
        return portrait, pipe.transfer(portrait, pipe.follow(footage.drive, config), config)


class PipelineMethod:
    """The reenactment pipeline, driven by a clip with an early frame of it as the photo.

    Its motion comes from the MediaPipe mesh, which landmark metrics read too: such numbers are
    marked in the report.

    Args:
        tracks: shared by methods with one head model, or None.
    """

    def __init__(self, pipe: ReenactmentPipeline, tracks: Tracks | None = None) -> None:
        self.pipe, self._tracks = pipe, tracks or Tracks()
        name = f"{pipe.generator}-refined" if self._tracks.refined else pipe.generator
        self.origin = replace(origin_of(name, pipe.painter.guides), estimators=(FACE_MESH,))

    def open(self, footage: Footage) -> tuple[Playback, list[str]]:
        """Track the whole clip, paint only the frames that are asked for."""
        start = footage.reference_index
        # What the clip does since its reference frame, on the photo that is that frame.
        config = ReenactConfig(
            motion="auto" if start is None else "relative",
            reference_frame="auto" if start is None else str(start),
            refine=self._tracks.refined,
            ref_face=_place(footage.reference.middle),
            face=_place(footage.face),
        )
        portrait, motion = self._tracks.of(footage, self.pipe, config)
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
