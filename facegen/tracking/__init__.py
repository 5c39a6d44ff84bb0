"""Photos, videos and live pictures in, ``Motion`` out: landmarks, a fit per frame, smoothing."""

from facegen.tracking.clips import track_image, track_images, track_video
from facegen.tracking.live import LiveTracker
from facegen.tracking.overlay import overlay, visible_vertices
from facegen.tracking.smoothing import Smoothing, smooth

__all__ = [
    "LiveTracker",
    "Smoothing",
    "overlay",
    "smooth",
    "track_image",
    "track_images",
    "track_video",
    "visible_vertices",
]
