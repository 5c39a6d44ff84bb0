"""A visual check of a fit: the head's vertices drawn over what it was fitted to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from facegen.flame.model import HeadModel
from facegen.media import Frame, is_still, open_writer, read_image, read_video, write_image
from facegen.motion import Motion
from facegen.pipelines.config import FitConfig
from facegen.posing import pose_vertices
from facegen.progress import progress
from facegen.tracking.overlay import Image, overlay, visible_vertices

_SAME_TIME = 1e-6  # seconds


def draw(rgb: Image, head: HeadModel, motion: Motion) -> Image:
    """One fitted frame over its picture ``(H, W, 3)``."""
    vertices = pose_vertices(head, motion)
    return overlay(rgb, visible_vertices(vertices, head.faces, motion.camera))


def matched(frames: Iterable[Frame], motion: Motion) -> Iterator[tuple[Frame, Motion | None]]:
    """Each frame with its motion, or None where the motion leaves the frame out or saw no face."""
    index = 0
    for frame in frames:
        there = index < len(motion) and motion.timestamps[index] <= frame.time + _SAME_TIME
        seen = there and bool(motion.valid[index])
        yield frame, motion[index : index + 1] if seen else None
        index += there


def write_overlay(
    target: Path, source: Path, head: HeadModel, motion: Motion, config: FitConfig
) -> Path:
    """Write a picture for a photo, a video with its sound for a video."""
    if is_still(source):
        write_image(target, draw(read_image(source).rgb, head, motion[:1]))
        return target
    reader = read_video(source, start=config.start, stop=config.stop)
    size = (reader.info.width, reader.info.height)
    sound = source if source.is_file() else None
    with open_writer(target, *size, motion.fps, audio_from=sound) as writer:
        for frame, fitted in progress(
            matched(islice(reader, config.max_frames), motion), len(motion), "overlay"
        ):
            rgb = frame.rgb if fitted is None else draw(frame.rgb, head, fitted)
            writer.write(rgb, frame.exact_time)
    return target
