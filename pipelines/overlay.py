"""A visual check of a fit: the head drawn half-transparent over what it was fitted to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facegen.flame.camera import Camera
from facegen.flame.maps import render_maps
from facegen.flame.model import HeadModel
from facegen.flame.skinning import HeadLayer
from facegen.media import Frame, is_still, open_writer, read_image, read_video, write_image
from facegen.motion import Motion
from facegen.pipelines.config import FitConfig
from facegen.progress import progress

Rgb8 = NDArray[np.uint8]
OPACITY = 0.5
_SAME_TIME = 1e-6  # seconds


def overlay_frame(
    rgb: Rgb8, head: HeadModel, layer: HeadLayer, motion: Motion, camera: Camera
) -> Rgb8:
    """Draw one fitted frame over its picture ``(H, W, 3)``."""
    with torch.inference_mode():
        maps = render_maps(head, layer(**motion.tensors()).vertices, camera)
    ink = (maps.render[0].numpy() * 255).astype(np.float32)
    cover = maps.alpha[0].numpy()[..., None] * OPACITY
    return (rgb * (1 - cover) + ink * cover + 0.5).astype(np.uint8)


def matched(frames: Iterator[Frame], motion: Motion) -> Iterator[tuple[Frame, Motion | None]]:
    """Each frame with its motion, or None where the motion leaves the frame out."""
    index = 0
    for frame in frames:
        there = index < len(motion) and motion.timestamps[index] <= frame.time + _SAME_TIME
        yield frame, motion[index : index + 1] if there else None
        index += there


def write_overlay(
    target: Path, source: Path, head: HeadModel, motion: Motion, config: FitConfig
) -> Path:
    """Write a picture for a photo, a video with sound for a video."""
    layer = HeadLayer(head)
    if is_still(source):
        rgb = read_image(source).rgb
        write_image(target, overlay_frame(rgb, head, layer, motion[:1], motion.camera))
        return target
    reader = read_video(source, start=config.start, stop=config.stop)
    size = (reader.info.width, reader.info.height)
    sound = source if source.is_file() else None
    with open_writer(target, *size, motion.fps, audio_from=sound) as writer:
        for frame, fitted in progress(matched(iter(reader), motion), len(motion), "overlay"):
            seen = fitted is not None and bool(fitted.valid[0])
            rgb = frame.rgb
            if seen and fitted is not None:
                rgb = overlay_frame(rgb, head, layer, fitted, motion.camera)
            writer.write(rgb, frame.exact_time)
    return target
