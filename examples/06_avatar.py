"""Lines of text become clips of an avatar; the last one is shown at OUT.

python examples/06_avatar.py [OUT.mp4]

Any program that writes a wav file can speak. Here it is espeak-ng where installed; otherwise the
packaged voice stands in for it.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from facegen import TalkConfig, TalkingHeadPipeline
from facegen.demo import PHOTO, VOICE

LINES = [
    ("happy:0.6", "Welcome back."),
    ("sad:0.5", "I am afraid the train is late."),
]


def speak(text: str, wav: Path) -> Path:
    """The text as sound."""
    if shutil.which("espeak-ng") is None:
        return VOICE
    subprocess.run(["espeak-ng", "-s", "150", "-w", str(wav), text], check=True)
    return wav


out = Path(sys.argv[1] if len(sys.argv) > 1 else "avatar.mp4")
pipe = TalkingHeadPipeline.from_pretrained("open")
with TemporaryDirectory() as folder:
    for number, (emotion, text) in enumerate(LINES, start=1):
        clip = out if number == len(LINES) else out.with_stem(f"{out.stem}-{number}")
        sound = speak(text, Path(folder) / f"{number}.wav")
        config = TalkConfig(emotion=emotion, gaze="natural", seed=number)
        print(f"{text!r} ->", pipe.write(clip, PHOTO, sound, config=config))
