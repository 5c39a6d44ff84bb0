"""The talking-head pipeline and the fitter as parts of the talk evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from facegen.errors import MediaError
from facegen.evaluation.landmarks import FACE_MESH
from facegen.evaluation.roles import Origin
from facegen.evaluation.talk_clip import TalkClip
from facegen.evaluation.talk_methods import Speaker, TalkMethod
from facegen.flame.model import HeadModel
from facegen.media import probe, read_video, write_image
from facegen.motion import Motion
from facegen.pipelines.fit import FittingPipeline

# Its lips were learned from tracks of this network, which reads the results, too.
TALK = Origin("talk", losses=(FACE_MESH,))


def talk_methods(head_name: str = "open") -> list[TalkMethod]:
    """The talking head, and as a control the same with another clip's sound."""
    from facegen.pipelines.talk import TalkingHeadPipeline
    from facegen.pipelines.talk_config import TalkConfig

    pipe = TalkingHeadPipeline.from_pretrained(head_name)

    def speak(clip: TalkClip, sound: Path) -> Motion:
        """The face of the clip's reference frame, at the clip's frame rate."""
        with TemporaryDirectory() as folder:
            photo = Path(folder) / "reference.png"
            write_image(photo, _frame(clip))
            config = TalkConfig(fps=probe(clip.file).fps)
            return pipe.act(pipe.painter.portray(photo, config.painting), sound, config=config)

    methods: list[TalkMethod] = [Speaker(TALK, speak, pipe.head)]
    methods.append(Speaker(TALK, speak, pipe.head, of_other=True))
    return methods


def _frame(clip: TalkClip) -> NDArray[np.uint8]:
    for frame in read_video(clip.file, skip=clip.reference_frame):
        return frame.rgb
    raise MediaError(f"{clip.file} has no frame {clip.reference_frame}")


def true_motion(head: HeadModel) -> Callable[[TalkClip], Motion]:
    """Fits the head to a clip's own video."""
    pipe = FittingPipeline(head)

    def fit(clip: TalkClip) -> Motion:
        motion = pipe(clip.file).motion
        return replace(motion, timestamps=motion.timestamps - motion.timestamps[0])

    return fit
