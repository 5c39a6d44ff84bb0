"""Images, video and sound in and out: exact times, bounded memory, whole files only."""

from facegen.media.atomic import atomic_path, file_sha256, side_folder
from facegen.media.audio import has_sound
from facegen.media.image import Image, read_image, write_image
from facegen.media.probe import VideoInfo, probe
from facegen.media.reader import Frame, VideoReader, read_video
from facegen.media.resume import (
    SegmentedWriter,
    check_output,
    fingerprint,
    open_writer,
)
from facegen.media.sequence import ImageSequenceWriter
from facegen.media.sheet import contact_sheet
from facegen.media.stills import is_still
from facegen.media.writer import PictureSink, VideoWriter

__all__ = [
    "Frame",
    "Image",
    "ImageSequenceWriter",
    "PictureSink",
    "SegmentedWriter",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "atomic_path",
    "check_output",
    "contact_sheet",
    "file_sha256",
    "fingerprint",
    "has_sound",
    "is_still",
    "open_writer",
    "probe",
    "read_image",
    "read_video",
    "side_folder",
    "write_image",
]
