"""Where heads are found, and how an official file becomes one of them."""

from pathlib import Path

import numpy as np
import pytest

from facegen import assets
from facegen.checkpoints import OPEN_REENACTOR
from facegen.errors import ModelFileError
from facegen.flame.transfer import OUTSIDE
from tests.flame.chumpy_files import flame_like, write_flame_pkl
from tests.flame.smplx_files import flame_arrays
from tests.tiny import make_tiny_head


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No assets but the packaged ones."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEGEN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FACEGEN_CHECKPOINTS", raising=False)
    return tmp_path


def put(folder, name, source):
    path = Path(folder) / name / "head.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    model = make_tiny_head()
    object.__setattr__(model, "source", source)
    model.save(path)
    return path


def test_the_open_head_is_always_there_and_read_once():
    head = assets.load_head()
    assert head.version == "open-1" and assets.load_head("open") is head


def test_search_order(nowhere, monkeypatch):
    put(nowhere / "home", "mine", "home")
    assert assets.load_head("mine").source == "home"
    put("checkpoints", "mine", "here")
    assert assets.load_head("mine").source == "here"
    monkeypatch.setenv("FACEGEN_CHECKPOINTS", str(nowhere / "chosen"))
    put(nowhere / "chosen", "mine", "chosen")
    assert assets.load_head("mine").source == "chosen"
    path = put(nowhere, "elsewhere", "argument")
    assert assets.load_head(path).source == assets.load_head(str(path)).source == "argument"


def test_a_changed_file_is_read_again(nowhere):
    put("checkpoints", "mine", "first")
    first = assets.load_head("mine")
    put("checkpoints", "mine", "second")
    assert (first.source, assets.load_head("mine").source) == ("first", "second")


@pytest.mark.parametrize("name", ["flame2023", "absent.npz", "no/such/head.npz"])
def test_absent_heads_name_the_fix(name):
    with pytest.raises(ModelFileError, match="no head model"):
        assets.load_head(name)


def test_the_platform_folder_without_environment(monkeypatch):
    monkeypatch.delenv("FACEGEN_HOME")
    assert assets.user_folder().name == "facegen"


def as_flame(head):
    """The open head cut and padded to FLAME's 5023 vertices and 9976 triangles."""
    keep = np.isin(head.face_regions, head.region_ids(*OUTSIDE, "eye_left", "eye_right"))
    used = np.unique(head.faces[keep])
    eyes = np.unique(
        head.faces[np.isin(head.face_regions, head.region_ids("eye_left", "eye_right"))]
    )
    used = np.concatenate([eyes, np.setdiff1d(used, eyes)])[:5023]
    order = np.concatenate([used, np.full(5023 - len(used), used[-1])])
    new = np.full(head.n_vertices, -1)
    new[used] = np.arange(len(used))
    faces = new[head.faces[keep]]
    faces = faces[(faces >= 0).all(1)]
    faces = np.concatenate([faces, np.repeat(faces[-1:], 9976 - len(faces), axis=0)])
    arrays = {
        k: v[order] if len(v) == head.n_vertices else v for k, v in flame_arrays(head).items()
    }
    joints = head.J_regressor @ head.v_template
    system = np.vstack([arrays["v_template"].T, np.ones(5023)])
    regressor = np.hstack([joints, np.ones((5, 1))]) @ np.linalg.pinv(system).T
    return {**arrays, "f": faces.astype(np.uint32), "J_regressor": regressor}


def test_an_official_file_becomes_a_head(head, nowhere):
    path = write_flame_pkl(nowhere / "flame2023_Open.pkl", as_flame(head))
    target = assets.import_asset(path)
    assert target == nowhere / "home" / "flame2023-open" / "head.npz"
    assert [p.name for p in target.parent.iterdir()] == ["head.npz"]
    model = assets.load_head("flame2023-open")
    assert model.version == "flame2023-open" and model.licence == "CC-BY-4.0"
    assert model.landmarks["mediapipe478"].faces.shape == (478,)
    for name, lmk in model.landmarks.items():
        found = np.einsum("lk,lkn->ln", lmk.bary, model.v_template[model.faces[lmk.faces]])
        other = head.landmarks[name]
        truth = np.einsum("lk,lkn->ln", other.bary, head.v_template[head.faces[other.faces]])
        assert np.median(np.linalg.norm(found - truth, axis=1)) < 0.0005
    listed = {a.name: a for a in assets.list_assets()}
    assert listed["flame2023-open"].present and not listed["flame2020"].present
    assert any(x.licence == "CC-BY-4.0" for x in assets.licences())


def test_a_file_that_is_no_head_inside_is_refused(nowhere):
    path = write_flame_pkl(nowhere / "flame2023.pkl", flame_like())
    with pytest.raises(ModelFileError, match="cannot be laid onto it"):
        assets.import_asset(path)
    assert not (nowhere / "home").exists()


def test_import_into_a_folder_that_cannot_be_written(head, nowhere, monkeypatch):
    path = write_flame_pkl(nowhere / "flame2023.pkl", as_flame(head))
    (nowhere / "file").write_text("")
    monkeypatch.setenv("FACEGEN_HOME", str(nowhere / "file"))
    with pytest.raises(ModelFileError, match="FACEGEN_HOME"):
        assets.import_asset(path)


def test_list_names_heads_weights_and_face_models(nowhere):
    put("checkpoints", "mine", "here")
    weights = nowhere / "checkpoints" / "reenactor"
    weights.mkdir()
    (weights / "unet.safetensors").write_bytes(b"")
    (weights / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    listed = {a.name: a for a in assets.list_assets()}
    assert listed["open"].present and listed["open"].licence == "CC0-1.0"
    assert listed["mine"].version == "open-1"
    assert listed["reenactor/unet"].licence == "apache-2.0"
    assert {a.kind for a in listed.values()} == {"head", "weights", "published", "face models"}


def test_licence_report_covers_what_is_installed():
    report = {x.name.split()[0]: x for x in assets.licences()}
    assert {"facegen", "mediapipe", "torch", "av"} <= report.keys()
    assert "x264" in report["av"].note
    assert {x.note for x in assets.licences() if x.name.startswith("weights")} == {"embedded"}


def test_every_embedded_file_has_a_licence():
    listed = [x for x in assets.list_assets() if x.present]
    assert "unknown" not in {x.licence for x in listed}
    for file in OPEN_REENACTOR.parent.rglob("*.safetensors"):
        assert any(file.resolve().is_relative_to(x.path) for x in listed), file
    by_name = {x.name: x.licence for x in listed}
    assert by_name["open-motion/head"] == "CC-BY-4.0"  # its own card's, not its folder's
