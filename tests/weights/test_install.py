"""Files of the user taken over: recognised, looked at, copied; and what they are allowed for."""

import json

import numpy as np
import pytest
import torch

from facegen import assets
from facegen.errors import ModelFileError, UsageError
from facegen.trackers.networks import Smirk
from facegen.trackers.weights import weights_of
from facegen.weights import ledger
from facegen.weights.install import RECORD, import_weights, recognise, recorded
from tests.trackers.published import scrambled


@pytest.fixture(autouse=True)
def _own_ledger():
    yield
    ledger.require_commercial(False)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACEGEN_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FACEGEN_CHECKPOINTS", raising=False)
    yield tmp_path / "home"
    ledger.require_commercial(False)


@pytest.fixture(scope="module")
def smirk_file(tmp_path_factory):
    with torch.device("meta"):
        network = Smirk()
    path = tmp_path_factory.mktemp("smirk") / "SMIRK_em1.pt"
    torch.save({f"smirk_encoder.{k}": v for k, v in scrambled(network, 1).items()}, path)
    return path


def test_a_tracker_is_recognised_checked_and_found_again(smirk_file, home):
    with pytest.raises(UsageError, match=r"smirk=FILE.*--as smirk"):
        weights_of("smirk")
    (arrival,) = import_weights(smirk_file)
    assert arrival.path == home / "smirk" / "SMIRK_em1.pt" and not arrival.pinned
    assert recorded(home / "smirk") == {"SMIRK_em1.pt": arrival.sha256}
    assert weights_of("smirk") == arrival.path.resolve()
    assert assets.find_weights("smirk") == arrival.path.resolve()
    listed = {a.name: a.present for a in assets.list_assets()}
    assert listed["smirk"] and not listed["deca"]
    assert not (home / ".smirk.part").exists()


def test_the_wrong_file_leaves_what_was_there(smirk_file, home, tmp_path):
    import_weights(smirk_file)
    state = torch.load(smirk_file, weights_only=True)
    state.popitem()
    torch.save(state, tmp_path / "cut.pt")
    with pytest.raises(ModelFileError, match="1 missing"):
        import_weights(tmp_path / "cut.pt")
    assert assets.find_weights("smirk") is not None
    torch.save({"something": torch.ones(1)}, tmp_path / "other.pt")
    with pytest.raises(ModelFileError, match="--as NAME"):
        import_weights(tmp_path / "other.pt")
    with pytest.raises(ModelFileError, match="nothing at"):
        import_weights(tmp_path / "absent.pt")


@pytest.mark.parametrize(
    ("key", "name"),
    [("E_flame", "deca"), ("smirk_encoder.x", "smirk"), ("deca.E_expression.y", "emoca")],
)
def test_signs(tmp_path, key, name):
    torch.save({key: {"w": torch.ones(1)}} if name == "deca" else {key: torch.ones(1)}, "w.pt")
    assert recognise(tmp_path / "w.pt") == name


def vae(folder, **config):
    folder.mkdir(parents=True)
    content = {"_class_name": "AutoencoderKL", "latent_channels": 4} | config
    (folder / "config.json").write_text(json.dumps(content))
    (folder / "diffusion_pytorch_model.safetensors").write_bytes(b"w")
    return folder


def test_folders_are_checked_and_copied(tmp_path, home):
    arrivals = import_weights(vae(tmp_path / "my-vae"))
    assert {a.path.name for a in arrivals} == {
        "config.json", "diffusion_pytorch_model.safetensors",
    }  # fmt: skip
    assert assets.find_weights("sd-vae-ft-mse") == (home / "sd-vae-ft-mse").resolve()
    assert (home / "sd-vae-ft-mse" / RECORD).is_file()
    with pytest.raises(ModelFileError, match="latent_channels 16; another model"):
        import_weights(vae(tmp_path / "flux", latent_channels=16))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelFileError, match="no folder of weights"):
        import_weights(tmp_path / "empty")
    with pytest.raises(ModelFileError, match="no model_index.json, unet/config.json.*7 more"):
        import_weights(tmp_path / "empty", "sd15")


def test_a_folder_inside_is_enough(tmp_path):
    """MagicPortrait's ``ckpts`` given alone: the table's paths start one folder above."""
    folder = tmp_path / "mp" / "ckpts"
    folder.mkdir(parents=True)
    for file in ledger.table()["magicportrait"].files:
        (folder.parent / file.path).write_bytes(file.path.encode())
    arrivals = import_weights(folder)
    assert len(arrivals) == 6 and arrivals[0].path.read_bytes() == b"ckpts/reference_unet.pth"


def test_commercial_runs_are_stopped_with_the_list(tmp_path):
    ledger.require_commercial()
    ledger.touch("open-1", licence="CC0-1.0")
    ledger.touch("sd15")
    with pytest.raises(UsageError, match=r"deca \(MPI, non-commercial"):
        ledger.touch("deca", sha256="ab")
    with pytest.raises(UsageError, match=r"deca.*; mine \(unknown\)"):
        ledger.touch("mine")
    report = json.loads(ledger.write_report(tmp_path / "parts.json").read_text())
    assert [(p["name"], p["commercial"]) for p in report] == [
        ("deca", "no"), ("mine", "unclear"), ("open-1", "yes"), ("sd15", "yes"),
    ]  # fmt: skip
    assert report[0]["sha256"] == "ab"
    ledger.require_commercial(False)
    assert ledger.touched() == []
    ledger.touch("deca")


@pytest.mark.parametrize(
    ("licence", "verdict"),
    [("CC0-1.0", "yes"), ("Apache-2.0", "yes"), ("CC-BY-NC-4.0", "no"), ("MPI research", "no"),
     ("none stated", "unclear"), ("", "unclear"), ("smplx: non-commercial (MPI)", "no")],
)  # fmt: skip
def test_licences_by_name(licence, verdict):
    assert ledger.allows(licence) == verdict


def test_loading_a_head_is_noted():
    ledger.require_commercial()
    assets.load_head("open")
    assert [p.name for p in ledger.touched()] == ["open-1"]


def test_what_a_talking_run_opens_is_noted_with_the_licence_of_its_card(tmp_path):
    from facegen.pipelines.generators import load_generator
    from facegen.recognizer.opening import open_recognizer
    from facegen.speech.lip_predict import predict_lips
    from facegen.speech.lip_weights import open_lip_net

    open_lip_net.cache_clear()
    ledger.require_commercial()
    predict_lips(np.zeros(1600, np.float32))
    load_generator("open")
    open_recognizer("open")
    named = {p.name: p.licence for p in ledger.touched()}
    assert named["open-motion"] == named["open-reenactor"] == "Apache-2.0"
    assert [p.commercial for p in ledger.touched()] == ["yes"] * 3
    with pytest.raises(UsageError, match=r"magicportrait \(none stated\)"):
        load_generator("magicportrait", weights=tmp_path)
    (tmp_path / "README.md").write_text("---\ntags: [a]\nlicense: CC-BY-NC-4.0\n---\n# Mine\n")
    with pytest.raises(UsageError, match="CC-BY-NC"):
        ledger.touch_folder(tmp_path)
