"""Weights of others: what is read, what is refused, and that nothing in a file runs."""

import pickle
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from facegen.errors import ModelFileError
from facegen.networks.statedict import load_exactly, read_state_dict, read_weights
from facegen.networks.torch_archive import Opaque, read_torch_archive


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


class Settings:
    """What trainers leave beside the weights: an object of their own."""

    def __init__(self):
        self.rate = 0.1
        self.inner = {"a": 1}


class Touch:
    """A pickle that writes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("zipped", [True, False])
def test_plain_state_dicts(tmp_path, zipped):
    state = network().state_dict()
    torch.save(state, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    for path in ("w.pth",):
        read = read_state_dict(tmp_path / path)
        assert list(read) == list(state)
        assert all(torch.equal(read[k], state[k]) for k in state)


def test_safetensors_and_nested_state(tmp_path):
    from safetensors.torch import save_file

    state = network().state_dict()
    save_file(state, tmp_path / "w.safetensors")
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "w.ckpt")
    for name in ("w.safetensors", "w.ckpt"):
        assert read_state_dict(tmp_path / name).keys() == state.keys()


def test_objects_of_a_trainer_stay_opaque(tmp_path):
    state = network().state_dict()
    half = torch.arange(6, dtype=torch.float16).reshape(2, 3).T
    content = {
        "state_dict": state,
        "settings": Settings(),
        "array": np.arange(3.0),
        "view": half,
        "parameter": nn.Parameter(torch.ones(2)),
    }
    torch.save(content, tmp_path / "w.ckpt")
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / "w.ckpt", weights_only=True)
    read = read_weights(tmp_path / "w.ckpt")
    assert all(torch.equal(read["state_dict"][k], state[k]) for k in state)
    assert isinstance(read["settings"], Opaque) and read["settings"].state["rate"] == 0.1
    assert torch.equal(read["view"], half) and torch.equal(read["parameter"], torch.ones(2))
    np.testing.assert_array_equal(read["array"], np.arange(3.0))


def test_nothing_in_a_file_runs(tmp_path):
    trap = tmp_path / "trap"
    torch.save({"w": torch.ones(2), "evil": Touch(trap)}, tmp_path / "w.pth")
    read = read_weights(tmp_path / "w.pth")
    assert not trap.exists()
    assert torch.equal(read["w"], torch.ones(2))
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"evil": Touch(trap)}))
    with pytest.raises(ModelFileError, match="nothing in it was run"):
        read_weights(tmp_path / "old.pth")
    assert not trap.exists()


def test_a_view_outside_its_storage_is_refused(tmp_path):
    torch.save({"w": torch.zeros(4), "s": Settings()}, tmp_path / "w.pth")
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as source,
        zipfile.ZipFile(tmp_path / "bad.pth", "w") as target,
    ):
        for item in source.infolist():
            data = source.read(item.filename)
            target.writestr(item.filename, data[:8] if item.filename.endswith("/data/0") else data)
    with pytest.raises(ModelFileError, match="bounds|storage"):
        read_torch_archive(tmp_path / "bad.pth")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02N.", b"no weights"])
def test_damaged_files_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "w.pth"
    path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        read_weights(path)
    assert "w.pth" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(ModelFileError, match="no weights at"):
        read_weights(tmp_path / "absent.pth")


def test_exact_accounting():
    state = network().state_dict()
    target = network()
    nn.init.zeros_(target[0].weight)
    load_exactly(target, state, what="net")
    assert torch.equal(target[0].weight, state["0.weight"])
    old = {k: v for k, v in state.items() if "num_batches" not in k}
    load_exactly(target, {**old, "head.weight": torch.ones(1)}, what="net", dead=("head",))
    wrong = {
        "1 missing .0.weight": {k: v for k, v in state.items() if k != "0.weight"},
        "1 unexpected .extra": {**state, "extra": torch.ones(1)},
        "shape": {**state, "0.weight": torch.ones(4, 4)},
        "not finite": {**state, "0.bias": torch.full((4,), float("nan"))},
    }
    before = {k: v.clone() for k, v in target.state_dict().items()}
    for message, given in wrong.items():
        with pytest.raises(ModelFileError, match=message):
            load_exactly(target, given, what="net")
    assert all(torch.equal(before[k], v) for k, v in target.state_dict().items())


def test_modules_without_memory_become_real():
    with torch.device("meta"):
        target = network()
    load_exactly(target, network().state_dict(), what="net")
    assert target(torch.ones(2, 3)).shape == (2, 4)


def test_packed_entries_are_refused(tmp_path):
    """torch stores tensors as they are; a packed entry could unfold to any size."""
    torch.save({"w": torch.zeros(4), "s": Settings()}, tmp_path / "w.pth")
    with (
        zipfile.ZipFile(tmp_path / "w.pth") as source,
        zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for item in source.infolist():
            target.writestr(item.filename, source.read(item.filename))
    with pytest.raises(ModelFileError, match="compressed"):
        read_torch_archive(tmp_path / "packed.pth")
