"""Images, video and sound in and out: exact times, bounded memory, whole files only."""

from facegen.media.atomic import atomic_path, file_sha256
from facegen.media.image import Image, read_image, write_image
from facegen.media.probe import VideoInfo, probe
from facegen.media.reader import Frame, VideoReader, read_video
from facegen.media.writer import VideoWriter

__all__ = [
    "Frame",
    "Image",
    "VideoInfo",
    "VideoReader",
    "VideoWriter",
    "atomic_path",
    "file_sha256",
    "probe",
    "read_image",
    "read_video",
    "write_image",
]
