"""Renders the pictures of the documents from the packaged photo, motion and voice.

python docs/pictures.py [FOLDER]    # docs/pictures

Each function makes one picture. They come out the same on every run; a test compares their sizes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pil

from facegen import Motion, ReenactmentPipeline, TalkConfig, TalkingHeadPipeline
from facegen.audio import load_speech
from facegen.demo import MOTION, PHOTO, VOICE
from facegen.emotion import EMOTIONS
from facegen.faces.landmarks import find_landmarks
from facegen.media.sheet import contact_sheet
from facegen.pipelines.reenact import Reenactment
from facegen.pipelines.synth import job_of
from facegen.posing import pose_vertices
from facegen.synthesis.plan import Identities, People, Plan
from facegen.synthesis.preview import preview
from facegen.tracking.overlay import overlay, visible_vertices

Image = NDArray[np.uint8]
TURNED = 98  # frame of the packaged motion: head turned, brow up, mouth open
FACE = np.s_[20:300, 80:360]  # rows and columns of the packaged photo
HEAD = np.s_[10:250, 100:340]
ZOOM = 3
QUALITY = 82


@lru_cache
def reenacted(generator: str = "warp") -> Reenactment:
    """The packaged photo with one frame of the packaged motion."""
    pipe = ReenactmentPipeline.from_pretrained("open", generator=generator)
    whole = pipe(PHOTO, MOTION)
    frame = whole.motion[TURNED : TURNED + 1]
    return Reenactment(pipe, whole.portrait, frame, whole.config, None)


def fit() -> Image:
    """What is seen of a photo, and the head that explains it."""
    one = reenacted()
    photo, motion = one.portrait.photo.rgb, one.portrait.fit
    head = one.pipe.head
    front = visible_vertices(pose_vertices(head, motion), head.faces, motion.camera)
    corner = np.array([HEAD[1].start, HEAD[0].start])
    found, fitted = ((p[:, :2] - corner) * ZOOM for p in (find_landmarks(photo), front))
    near = Pil.fromarray(photo[HEAD])
    large = np.asarray(near.resize((near.width * ZOOM, near.height * ZOOM)))
    seen = overlay(large, found, colour=(40, 230, 100), radius=2.6)
    maps = next(Reenactment(one.pipe, one.portrait, motion, one.config, None).maps())
    pictures = [large, seen, overlay(large, fitted, radius=1.3), maps.picture("render")[HEAD]]
    labels = ["photo", "478 landmarks", "fitted head", "the head alone"]
    return contact_sheet(pictures, 4, labels, cell=(300, 300))


def maps() -> Image:
    """Condition maps of a driven frame."""
    one = next(reenacted().maps())
    names = ("depth", "normal", "render", "regions", "flow", "visibility")
    return contact_sheet([one.picture(n)[HEAD] for n in names], 6, names, cell=(170, 170))


def warp() -> Image:
    """From the photo to a frame."""
    one = reenacted()
    driven = next(one.maps())
    (frame,) = one.frames(workers=0)
    photo = one.portrait.photo.rgb
    pictures = [photo, driven.picture("render"), driven.picture("visibility"), frame]
    labels = ["photo", "driven head", "seen in the photo", "frame"]
    return contact_sheet([p[HEAD] for p in pictures], 4, labels, cell=(240, 240))


def generators() -> Image:
    """The same face from the warp and from the network."""
    faces = [next(reenacted(name).frames(workers=0))[FACE] for name in ("warp", "open")]
    photo = np.asarray(Pil.open(PHOTO).convert("RGB"))[FACE]
    return contact_sheet([photo, *faces], 3, ["photo", "warp", "open"], cell=(280, 280))


def moments() -> Image:
    """Frames of the packaged motion."""
    pipe = ReenactmentPipeline.from_pretrained("open")
    whole = pipe(PHOTO, Motion.load(MOTION)[::30])
    labels = [f"{1.2 * i:.1f} s" for i in range(len(whole))]
    frames = (frame[FACE] for frame in whole.frames(workers=0))
    return contact_sheet(frames, len(whole), labels, cell=(200, 200))


def emotions() -> Image:
    """One moment of the packaged voice, seven feelings."""
    moment = 55  # frame: "do", 2.2 s into the voice
    pipe = TalkingHeadPipeline.from_pretrained("open")
    portrait = pipe.portray(PHOTO, TalkConfig())
    faces = []
    for emotion in EMOTIONS:
        config = TalkConfig(emotion=f"{emotion}:0.8", blink_rate=0)
        motion = pipe.act(portrait, VOICE, config=config)[moment : moment + 1]
        (frame,) = pipe.painter.paint(portrait, motion, workers=0)
        faces.append(frame[FACE])
    return contact_sheet(faces, 4, EMOTIONS, cell=(220, 220))


def synth() -> Image:
    """Samples of the first hour's plan."""
    people = (People(count=2, samples=6),)
    plan = Plan(name="first", seed=1, size=160, identities=Identities(people=people))
    return preview(job_of(plan, Path(), Path()), 8)


def voice() -> Image:
    """What the voice makes the face do."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    speech = load_speech(VOICE)
    motion = TalkingHeadPipeline.from_pretrained("open").speak(VOICE)
    seconds = motion.timestamps - motion.timestamps[0]
    figure = Figure((9, 5), dpi=100, layout="constrained")
    wave, lips, head = figure.subplots(3, 1, sharex=True)
    wave.plot(np.arange(len(speech.samples)) / speech.rate, speech.samples, lw=0.4, color="0.4")
    wave.set_ylabel("sound")
    lips.plot(seconds, np.degrees(motion.jaw_pose[:, 0]) / 25, label="jaw, of 25 degrees")
    for name in ("mouthFunnel", "mouthPucker", "mouthStretchLeft"):
        lips.plot(seconds, motion.expression[:, motion.expression_names.index(name)], label=name)
    lips.set_ylabel("lips, 0 to 1")
    blink = motion.expression_names.index("eyeBlinkLeft")
    head.plot(seconds, 10 * motion.expression[:, blink], label="blink, times 10")
    for axis, name in enumerate(("nod", "turn", "tilt")):
        head.plot(seconds, np.degrees(motion.neck_pose[:, axis]), label=name)
    head.set_ylabel("head, degrees")
    head.set_xlabel("seconds")
    for place in (lips, head):
        place.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=7, ncols=4)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


PICTURES: dict[str, Callable[[], Image]] = {
    function.__name__: function
    for function in (fit, maps, warp, generators, moments, emotions, synth, voice)
}


def main(folder: Path) -> None:
    """Write every picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in PICTURES.items():
        Pil.fromarray(made()).save(folder / f"{name}.jpg", quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "pictures")
