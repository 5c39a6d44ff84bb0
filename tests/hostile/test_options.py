"""Values that no option can mean, and outputs that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from facegen.demo import MOTION, PHOTO, VOICE
from tests.command import run, snapshot

_CASES: dict[str, list[str]] = {
    "reenact": [
        "--demo --start=nan", "--demo --stop=inf --start=inf", "--demo --expression-gain=nan",
        "--demo --expression-gain=1e9", "--demo --max-yaw=nan", "--demo --smooth=-inf",
        "--demo --fov=nan", "--demo --fov=0", "--demo --size=0", "--demo --size=1000000000",
        "--demo --steps=0", "--demo --max-frames=0", "--demo --max-frames=-1",
        "--demo --max-frames=99999999999999999999999999 --steps=9", "--demo --max-size=1",
        "--demo --workers=0", "--demo --workers=100000", "--demo --face=nan,nan",
        "--demo --ref-face=-1", "--demo --ref-face=99999999999999999999",
        "--demo --reference-frame=-1", "--demo --reference-frame=\u00b2",
        "--demo --emotion=happy:nan", "--demo --emotion=happy:inf", "--demo --emotion=happy@nan",
        "--demo --emotion=va:nan,0", "--demo --device=toaster", "--demo --quality=\u00fc",
        "--demo --generator=magicportrait --window=0",
        "--demo --generator=magicportrait --identity=nan",
        "--demo --max-vram=nan --generator=magicportrait", "--demo --nonsense",
    ],
    "talk": [
        "--demo --fps=nan", "--demo --fps=inf", "--demo --fps=0", "--demo --fps=1e400",
        "--demo --fps=25/0", "--demo --fps=-25", "--demo --blink-rate=nan",
        "--demo --articulation=nan", "--demo --articulation=99", "--demo --seed=-1",
        "--demo --emotion=neutral@0s,happy:nan@1s", "--demo --max-frames=0", "--demo --max-size=3",
        "--demo --gaze=", "--demo --head-motion=from=", "--demo --max-yaw=1e999",
    ],
    "fit": [
        "{photo} --fov=nan", "{photo} --smooth=nan", "{photo} --face=x,y", "{photo} --start=-1",
        "{photo} --start=5 --stop=2", "{photo} --max-frames=0", "{photo} --no-face=cry",
        "{photo} --tracker=nobody",
    ],
    "recognize": [
        "{photo} --batch-size=0", "{photo} --heads=,mood,", "{photo} --device=toaster",
        "{photo} --max-frames=0", "{photo} --style=",
    ],
    "synth": ["--plan={plan} --workers=0", "--plan={plan} --preview=0"],
    "curate": [
        "{in} --threshold=nan", "{in} --own=nan", "{in} --k=0", "{in} --policy=guess",
        "{in} --rounds=99999", "{in} --name=../../x --policy=openset",
    ],
    "export": ["{motion} --out={out}/x.glb --fps=nan", "{motion} --out={out}/x.glb --fps=0",
               "{motion} --out={out}/x.glb --fps=-1", "{motion} --out={out}/x.glb --format=exe"],
    "eval reenact": ["{in} --out={out}/r --max-frames=0", "{in} --out={out}/r --reference-frame=-1",
                     "{in} --out={out}/r --generator=nobody"],
    "eval recognizer": ["--model=open --data=nokind:{in} --out={out}/r",
                        "--model=open --data={in} --out={out}/r",
                        "--model=open --data=: --out={out}/r"],
    "eval pairs": ["{in} {in} --out={out}/p.yaml --count=0"],
    "train autoencoder": [
        "--images={in} --out={out}/t --learning-rate=nan",
        "--images={in} --out={out}/t --minutes=nan",
        "--images={in} --out={out}/t --minutes=-1", "--images={in} --out={out}/t --size=17",
        "--images={in} --out={out}/t --batch-size=0", "--images={in} --out={out}/t --precision=fp1",
        "--images={in} --out={out}/t --seed=-5", "--images={in} --out={out}/t --steps=0",
    ],
    "train reenactor": ["--windows={in} --autoencoder={in} --out={out}/t --without=everything",
                        "--windows={in} --autoencoder={in} --out={out}/t --emotion=inf"],
    "train recognizer": ["--out={out}/t", "--out={out}/t --real=nokind:{in}",
                         "--out={out}/t --ratio=nan",
                         "--out={out}/t --units=all --real=folder:{in}"],
    "train motion": ["--data={in} --out={out}/t --teacher-steps=0"],
    "train head": ["--cache={in} --out={out}/t --emotion=nan"],
    "data windows": ["{plan} --out={out}/w --data={in} --size=1",
                     "{plan} --out={out}/w --data={in} --rounds=0"],
    "data show": ["{in} --out={out}/s.png --count=0", "{in} --out={out}/s.png --split=side"],
    "data pack": ["{in} --out={out}/p --megabytes=nan", "{in} --out={out}/p --held=nan",
                  "{in} --out={out}/p --megabytes=inf"],
    "data speech": ["--out={out}/s --espeak=nan", "--out={out}/s --espeak=-1"],
    "assets show": ["nobody", "../../x", "\u4f60"],
    "assets download": ["nobody", "../../x"],
    "assets import": ["{photo} --as=nobody", "{photo} --version=flame1999"],
    "bench": ["--size=1", "--seconds=nan", "--seconds=0"],
    "verify": ["", "{photo} {photo}"],
    "doctor": ["--yaml"],
    "app": ["--port=0", "--port=99999", "--port=x"],
}  # fmt: skip
CASES = [(command, line) for command, lines in _CASES.items() for line in lines]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEGEN_HOME", str(tmp_path / "home"))
    for name in ("in", "out", "home"):
        (tmp_path / name).mkdir()
    plan = tmp_path / "in" / "plan.yaml"
    plan.write_text("identities: {portraits: []}\n")
    return {
        "in": plan.parent,
        "out": tmp_path / "out",
        "photo": PHOTO,
        "motion": MOTION,
        "plan": plan,
    }


@pytest.mark.parametrize(("command", "line"), CASES, ids=lambda text: text)
def test_values(
    command: str, line: str, places: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word.format(**places) for word in line.split()]
    if command in ("reenact", "talk", "fit"):
        words += ["-o", str(places["out"] / "o.mp4")]
    before = snapshot(places["out"].parent)
    outcome = run(monkeypatch, *command.split(), *words)
    assert outcome.code == 2, outcome.error
    assert len(outcome.complaints) == 1 and "Traceback" not in outcome.error, outcome.error
    assert snapshot(places["out"].parent) == before


# Where each command writes: the target stands for ``{to}``.
TARGETS: dict[str, list[str]] = {
    "reenact -o": ["reenact", "--demo", "--out={to}.mp4"],
    "reenact --save-motion": ["reenact", "--demo", "--out=ok.mp4", "--save-motion={to}.npz"],
    "reenact --contact-sheet": ["reenact", "--demo", "--out=ok.mp4", "--contact-sheet={to}.png"],
    "talk -o": ["talk", "--demo", "--out={to}.webm"],
    "talk --motion-only": ["talk", f"--audio={VOICE}", "--motion-only={to}.glb"],
    "fit -o": ["fit", str(PHOTO), "--out={to}.npz"],
    "fit --obj": ["fit", str(PHOTO), "--out=ok.npz", "--obj={to}.obj"],
    "fit --glb": ["fit", str(PHOTO), "--out=ok.npz", "--glb={to}.glb"],
    "fit --overlay": ["fit", str(PHOTO), "--out=ok.npz", "--overlay={to}.png"],
    "recognize -o": ["recognize", str(PHOTO), "--out={to}.csv"],
    "recognize --plot": ["recognize", str(PHOTO), "--out=ok.csv", "--plot={to}.png"],
    "recognize --overlay": ["recognize", str(PHOTO), "--out=ok.csv", "--overlay={to}.png"],
    "export glb": ["export", str(MOTION), "--out={to}.glb"],
    "export csv": ["export", str(MOTION), "--out={to}.csv"],
    "export json": ["export", str(MOTION), "--out={to}.json"],
    "export meshes": ["export", str(MOTION), "--format=ply", "--out={to}"],
    "export motion": ["export", str(MOTION), "--out={to}.motion.npz"],
    "licence report": ["--licence-report={to}.json", "export", str(MOTION), "--out=ok.csv"],
    "eval pairs": ["eval", "pairs", ".", ".", "--out={to}.yaml"],
    "train speech-emotion": ["train", "speech-emotion", "--data=.", "--out={to}.safetensors"],
    "data show": ["data", "show", ".", "--out={to}.png"],
}


def _file(folder: Path) -> Path:
    (folder / "file").write_bytes(b"precious")
    return folder / "file" / "below"


def _folder(folder: Path) -> Path:
    for ending in (".mp4", ".webm", ".npz", ".png", ".glb", ".obj", ".csv", ".json", ".yaml",
                   ".safetensors", ".motion.npz"):  # fmt: skip
        (folder / f"taken{ending}").mkdir()
        (folder / f"taken{ending}" / "precious").write_bytes(b"precious")
    (folder / "taken").write_bytes(b"precious")
    return folder / "taken"


def _loop(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop" / "x"


BAD_TARGETS = {
    "no such folder": lambda folder: folder / "no" / "such" / "x",
    "below a file": _file,
    "taken by a folder": _folder,
    "endless name": lambda folder: folder / ("n" * 300),
    "link loop": _loop,
    "below a device": lambda folder: Path("/dev/null/x"),
}


@pytest.mark.parametrize("name", BAD_TARGETS)
@pytest.mark.parametrize("target", TARGETS)
def test_targets(target: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    to = BAD_TARGETS[name](tmp_path)
    before = snapshot(tmp_path)
    outcome = run(monkeypatch, *(word.replace("{to}", str(to)) for word in TARGETS[target]))
    assert outcome.code == 2, outcome.error
    assert len(outcome.complaints) == 1 and "Traceback" not in outcome.error, outcome.error
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "words",
    [
        ["fit", "{photo}", "--out=x.npz", "--obj=x.npz"],
        ["fit", "{photo}", "--out=x.npz", "--overlay={photo}"],
        ["fit", "{photo}", "--out={photo}"],
        ["recognize", "{photo}", "--out=x.csv", "--plot=./x.png", "--overlay=x.png"],
        ["recognize", "{photo}", "--out=x.csv", "--overlay={photo}"],
        ["talk", "--audio={voice}", "--motion-only={voice}.glb"],
        ["reenact", "--ref={photo}", "--drive={motion}", "--out=x.mp4", "--save-motion=x.mp4"],
        ["reenact", "--ref={photo}", "--drive={motion}", "--out=x.mp4", "--contact-sheet=x.mp4"],
        ["export", "{motion}", "--out={motion}"],
    ],
    ids=" ".join,
)
def test_a_file_has_one_use(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, source in (("p.png", PHOTO), ("v.glb", VOICE), ("m.motion.npz", MOTION)):
        (tmp_path / name).write_bytes(source.read_bytes())
    places = {"photo": "p.png", "voice": "v", "motion": "m.motion.npz"}
    words = [w.format(**places).replace("--audio=v", "--audio=v.glb") for w in words]
    before = snapshot(tmp_path)
    outcome = run(monkeypatch, *words)
    assert outcome.code == 2 and len(outcome.complaints) == 1, outcome.error
    assert snapshot(tmp_path) == before
