"""Without its extra a command names it in one line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from facegen.media import write_image

ROOT = Path(__file__).parents[2]
# What only extras bring; in an installation without them imports fail as they do here.
_EXTRAS = (
    *("accelerate", "anny", "c2pa", "gradio", "h5py", "onnxruntime", "pandas", "pyarrow"),
    *("skimage", "smplx", "transformers", "warp"),
)
_PLAN = "identities: {people: [{count: 1, samples: 1}]}"


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["recognize", "me.png"], "recognize"),
        (["synth", "--plan", "plan.yaml", "--out", "set"], "recognize"),
        (["app"], "app"),
        (["train", "autoencoder", "--images", "faces", "-o", "out"], "train"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_missing_extra_is_named(command: list[str], extra: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(_PLAN)
    grey = np.full((64, 64, 3), 90, np.uint8)
    (tmp_path / "faces").mkdir()
    for name in ("me.png", "faces/a.png"):
        write_image(tmp_path / name, grey)
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({_EXTRAS}))\n"
        "from facegen.__main__ import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert f"pip install 'facegen[{extra}]'" in done.stderr
    assert done.stderr.count("\n") == 1
