"""Settings of the reenactment, light enough for ``--help``."""

from __future__ import annotations

from dataclasses import dataclass

from facegen.errors import UsageError

REGIONS = ("lips", "jaw", "eyes", "gaze", "brows", "head")
NO_FACE = ("error", "hold", "interpolate", "drop")


@dataclass(frozen=True)
class ReenactConfig:
    """How the driver's motion is carried to the photo.

    Attributes:
        motion: ``auto``, ``absolute`` or ``relative`` (to the driver's neutral frame).
        reference_frame: driver frame taken as neutral, or ``auto``.
        expression_gain: 1 keeps the driver's strength, 0 freezes the face.
        only: regions that move (subset of ``REGIONS``); empty means all.
        keep_head: the head keeps the photo's pose.
        max_yaw_deg: soft limit of head turn away from the photo's pose.
        face: face of the driver: ``largest``, an index or ``x,y`` in pixels.
        ref_face: the same for the photo.
        no_face: ``error``, ``hold``, ``interpolate`` or ``drop`` for frames without a face.
        smooth: strength of the motion smoothing, 0 switches it off.
        size: side in pixels of the window the geometry is computed in.
        fov_deg: field of view of the driver's camera, or None for the default.
        start, stop: part of the driving clip in seconds.
    """

    motion: str = "auto"
    reference_frame: str = "auto"
    expression_gain: float = 1.0
    only: tuple[str, ...] = ()
    keep_head: bool = False
    max_yaw_deg: float = 35.0
    face: str = "largest"
    ref_face: str = "largest"
    no_face: str = "interpolate"
    smooth: float = 1.0
    size: int = 512
    fov_deg: float | None = None
    start: float | None = None
    stop: float | None = None

    def validate(self) -> None:
        """Check what types cannot.

        Raises:
            UsageError: a value outside its choices.
        """
        _choice("--motion", self.motion, ("auto", "absolute", "relative"))
        _choice("--no-face", self.no_face, NO_FACE)
        if self.reference_frame != "auto" and not self.reference_frame.isdigit():
            raise UsageError(f"--reference-frame {self.reference_frame}: auto or a frame number")
        if self.start is not None and self.stop is not None and self.stop <= self.start:
            raise UsageError("--stop must be later than --start")
        face_choice(self.face)
        face_choice(self.ref_face)


def _choice(flag: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{flag} {value}: choose from {', '.join(choices)}")


def face_choice(text: str) -> str | int | tuple[float, float]:
    """``largest``, an index, or ``x,y`` in pixels.

    Raises:
        UsageError: none of these.
    """
    if text == "largest":
        return text
    try:
        if "," in text:
            x, y = (float(part) for part in text.split(","))
            return x, y
        return int(text)
    except ValueError:
        raise UsageError(f"face {text!r}: give largest, an index, or x,y in pixels") from None
