"""The packaged example: a public-domain photo, voice and a motion to try everything with."""

from pathlib import Path

_HERE = Path(__file__).parent
PHOTO = _HERE / "astronaut.jpg"
MOTION = _HERE / "hello.motion.npz"
VOICE = _HERE / "voice.ogg"
