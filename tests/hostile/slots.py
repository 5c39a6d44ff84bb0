"""Every place where the command reads a path: ``{bad}`` stands for it, ``{out}`` for a target."""

from __future__ import annotations

from pathlib import Path

from facegen.demo import MOTION, PHOTO, VOICE

SLOTS: dict[str, list[str]] = {
    "reenact --ref": ["reenact", "--ref={bad}", f"--drive={MOTION}", "--out={out}.mp4"],
    "reenact --drive": ["reenact", f"--ref={PHOTO}", "--drive={bad}", "--out={out}.mp4"],
    "reenact --audio": ["reenact", "--demo", "--audio={bad}", "--out={out}.mp4"],
    "reenact --generator": ["reenact", "--demo", "--generator={bad}", "--out={out}.mp4"],
    "reenact --weights": [
        "reenact", "--demo", "--generator=open", "--weights={bad}", "--out={out}.mp4",
    ],
    "talk --ref": ["talk", "--ref={bad}", f"--audio={VOICE}", "--out={out}.mp4"],
    "talk --audio": ["talk", f"--ref={PHOTO}", "--audio={bad}", "--out={out}.mp4"],
    "talk --motion-only": ["talk", "--audio={bad}", "--motion-only={out}.motion.npz"],
    "talk --lips": ["talk", f"--audio={VOICE}", "--lips={bad}", "--motion-only={out}.glb"],
    "talk --head-motion": ["talk", "--demo", "--head-motion=from={bad}", "--out={out}.mp4"],
    "fit INPUT": ["fit", "{bad}", "--out={out}.motion.npz"],
    "fit INPUT INPUT": ["fit", str(PHOTO), "{bad}", "--out={out}.motion.npz"],
    "fit --head": ["fit", str(PHOTO), "--head={bad}", "--out={out}.motion.npz"],
    "fit --weights": [
        "fit", str(PHOTO), "--tracker=smirk", "--weights={bad}", "--out={out}.motion.npz",
    ],
    "recognize SOURCE": ["recognize", "{bad}", "--out={out}.csv"],
    "recognize --recognizer": ["recognize", str(PHOTO), "--recognizer={bad}", "--out={out}.csv"],
    "synth --plan": ["synth", "--plan={bad}", "--out={out}"],
    "curate SET": ["curate", "{bad}", "--policy=openset"],
    "verify FILE": ["verify", "{bad}"],
    "export MOTION": ["export", "{bad}", "--out={out}.glb"],
    "export --head": ["export", str(MOTION), "--head={bad}", "--out={out}.glb"],
    "eval reenact CLIPS": ["eval", "reenact", "{bad}", "--out={out}"],
    "eval talk CLIPS": ["eval", "talk", "{bad}", "--out={out}"],
    "eval pairs PHOTOS": ["eval", "pairs", "{bad}", "{bad}", "--out={out}.yaml"],
    "eval recognizer --model": [
        "eval", "recognizer", "--model={bad}", "--data=folder:{bad}", "--out={out}",
    ],
    "eval recognizer --data": [
        "eval", "recognizer", "--model=open", "--data=folder:{bad}", "--out={out}",
    ],
    "eval self-test --judges": ["eval", "self-test", "--judges={bad}"],
    "train autoencoder --images": ["train", "autoencoder", "--images={bad}", "--out={out}"],
    "train reenactor --windows": [
        "train", "reenactor", "--windows={bad}", "--autoencoder={bad}", "--out={out}",
    ],
    "train motion --data": ["train", "motion", "--data={bad}", "--out={out}"],
    "train motion --start": ["train", "motion", "--data={bad}", "--start={bad}", "--out={out}"],
    "train head --cache": ["train", "head", "--cache={bad}", "--out={out}"],
    "train recognizer --real": ["train", "recognizer", "--real=folder:{bad}", "--out={out}"],
    "train recognizer --synthetic": ["train", "recognizer", "--synthetic={bad}", "--out={out}"],
    "train speech-emotion --data": [
        "train", "speech-emotion", "--data={bad}", "--out={out}.safetensors",
    ],
    "data windows PLAN": ["data", "windows", "{bad}", "--data={bad}", "--out={out}"],
    "data show CACHE": ["data", "show", "{bad}", "--out={out}.png"],
    "data pack CACHE": ["data", "pack", "{bad}", "--out={out}"],
    "data speech --texts": [
        "data", "speech", "--texts={bad}", "--espeak=0.1", "--flite=0", "--festival=0",
        "--out={out}",
    ],
    "assets import": ["assets", "import", "{bad}"],
    "assets import .pkl": ["assets", "import", "{bad}", "--version=flame2020"],
}  # fmt: skip


def arguments(slot: str, bad: Path, out: Path) -> list[str]:
    """A slot's command line. Only the two places change: other braces stay."""
    return [part.replace("{bad}", str(bad)).replace("{out}", str(out)) for part in SLOTS[slot]]
