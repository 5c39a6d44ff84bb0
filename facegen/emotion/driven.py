"""A feeling added to a motion that somebody else has made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from facegen.arkit import ARKIT, check_head, from_motion, to_head
from facegen.emotion.dynamics import alive
from facegen.emotion.labels import EMOTIONS
from facegen.emotion.styling import guess_speech, style
from facegen.emotion.track import EmotionTrack
from facegen.flame.landmark_model import LandmarkModel
from facegen.flame.landmark_sets import LIP_PAIRS
from facegen.flame.model import HeadModel
from facegen.motion import Motion

_EYES_TO_CORNERS = 0.68  # distance of the eyes in distances of their outer corners
_SURE = 0.5
_SLACK, _TOUCH = 0.008, 0.02  # eye distances


def release_of(track: EmotionTrack, times: NDArray[np.floating]) -> NDArray[np.float64]:
    """Share ``(T,)`` of a photo's own expression that a feeling drives out (for ``retarget``).

    Photos mostly smile: every feeling but joy lets that go, a weak one already half of it.
    """
    levels = track.at(times)
    others = [i for i, name in enumerate(EMOTIONS) if name not in ("neutral", "happy")]
    return 1 - (1 - np.clip(levels[:, others].sum(1), 0, 1)) ** 2


def with_emotion(motion: Motion, head: HeadModel, track: EmotionTrack, *, seed: int = 0) -> Motion:
    """The same motion, felt: head and gaze stay, the face shows the emotion.

    Lips that touch while the mouth speaks still touch, on the mesh of the motion's own identity.

    Args:
        motion: of ``head``. track: its time 0 is the first frame.

    Raises:
        ModelFileError: the head has no ARKit actions.
    """
    if not len(motion) or not track.levels[:, 1:].any():
        return motion
    check_head(head)
    from facegen.speech.mouth import MouthShape
    from facegen.transfer.closure import gaps_of

    times = motion.timestamps - motion.timestamps[0]
    felt = alive(track.at(times), times, None, seed)
    gaps = gaps_of(motion, head, LIP_PAIRS)
    said = guess_speech(gaps * _EYES_TO_CORNERS)
    curves = from_motion(motion, head)
    mouth = MouthShape.of(head, ARKIT, motion.betas)
    # Both through the same head, so that only what the feeling adds is added.
    before = to_head(curves, head)
    after = to_head(style(curves, said, felt, mouth=mouth), head)
    low, high = head.expression_bounds.T
    moved = replace(
        motion,
        expression=np.clip(
            motion.expression + after.expression - before.expression, low, high
        ).astype(np.float32),
        jaw_pose=np.clip(
            motion.jaw_pose + after.jaw_pose - before.jaw_pose, *head.joint_bounds[2].T
        ).astype(np.float32),
    )
    return _closed(moved, head, gaps, np.flatnonzero(said.bilabial > _SURE))


def _closed(
    motion: Motion, head: HeadModel, gaps: NDArray[np.float64], frames: NDArray[np.intp]
) -> Motion:
    """The lips of ``frames`` brought back to their gaps ``(T, P)``."""
    from facegen.transfer.closure import GapModel, states_of
    from facegen.transfer.regions import expression_regions

    full = LandmarkModel.from_head(head, n_shape=head.n_shape).with_identity(motion.betas)
    columns = np.isin(np.array(expression_regions(head)), ("lips", "jaw"))
    gap = GapModel.of(full, LIP_PAIRS, columns, jaw=True)
    expression, jaw = motion.expression.copy(), motion.jaw_pose.copy()
    for frame in frames:
        state = next(states_of(motion[frame : frame + 1], full))
        state = gap.matched(state, gaps[frame], _SLACK, _TOUCH)
        expression[frame, full.free] = state.expression
        jaw[frame, :2] = state.jaw
    return replace(motion, expression=expression, jaw_pose=jaw)
