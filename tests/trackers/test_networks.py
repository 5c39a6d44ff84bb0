"""The regressors against their originals: layouts of the files, and golden answers.

Digests and numbers come from the public implementations, run once on the same random weights
(``published.py``) and pictures; they agreed with ours within 3e-7.
"""

import numpy as np
import pytest
import torch

from facegen.errors import ModelFileError, UsageError
from facegen.trackers.networks import Deca, Emoca, Smirk
from facegen.trackers.resnet import ResNetEncoder
from facegen.trackers.weights import open_regressor
from tests.trackers.published import layout, pictures, scrambled

CLOSE = {"rtol": 2e-5, "atol": 2e-6}
SMIRK = {
    "betas": [[-0.2326962, -0.0077727], [-0.2322327, -0.0066971]],
    "expression": [[-0.1317345, -0.0133506], [-0.1320253, -0.0137636]],
    "global_orient": [[-0.0814574, -0.0278606, 0.1847133], [-0.0806677, -0.0277604, 0.1843987]],
    "jaw_pose": [[0.0872521, 0.1636714, 0.0214341], [0.0873155, 0.1632997, 0.0223499]],
    "camera": [[-0.0622379, 0.0503457, 0.0435606], [-0.0623039, 0.0510959, 0.0435769]],
}
EMOCA = {
    "expression": [[0.5557325, 0.0337211, 0.2644268], [0.5553884, 0.0393855, 0.2573177]],
    "global_orient": [[0.6296620, 0.1720415, -0.3291272], [0.6273404, 0.1755044, -0.3320687]],
    "jaw_pose": [[0.3928184, -0.5052326, -0.0967075], [0.3709089, -0.4979947, -0.1086551]],
    "camera": [[-0.3799132, -0.3521380, -0.6297107], [-0.3665919, -0.3479965, -0.6237178]],
}


@pytest.fixture(scope="module")
def smirk_state():
    return scrambled(bare(Smirk), 1)


@pytest.fixture(scope="module")
def emoca_state():
    coarse = {f"E_flame.{k}": v for k, v in scrambled(bare(ResNetEncoder, outputs=236), 2).items()}
    second = {
        f"E_expression.{k}": v for k, v in scrambled(bare(ResNetEncoder, outputs=53), 3).items()
    }
    return coarse | second


def answers(network, side=224):
    with torch.inference_mode():
        return network(pictures()[..., :side, :side])


def bare(kind, **options):
    """A network without memory: enough for names and shapes."""
    with torch.device("meta"):
        return kind(**options)


def agree(codes, golden):
    for name, expected in golden.items():
        got = getattr(codes, name).numpy()[:, : len(expected[0])]
        np.testing.assert_allclose(got, expected, **CLOSE, err_msg=name)


def test_layouts_are_the_published_ones():
    assert layout(bare(Smirk).state_dict()) == "a8675824c03ce34d"
    assert layout(bare(ResNetEncoder, outputs=236).state_dict()) == "6b6694fe232677e3"
    assert layout(bare(ResNetEncoder, outputs=53).state_dict()) == "c3354f2cdaaae324"


def test_smirk_answers_as_the_original(smirk_state, tmp_path):
    generator = {"smirk_generator.down.weight": torch.ones(1)}
    state = {f"smirk_encoder.{k}": v for k, v in smirk_state.items()} | generator
    torch.save(state, tmp_path / "SMIRK_em1.pt")
    regressor = open_regressor("smirk", tmp_path / "SMIRK_em1.pt")
    assert regressor.basis == "flame2020" and regressor.crop.scale == 1.4
    # Even sides all the way down: there the padding is one-sided.
    codes = answers(regressor.network, 96)
    agree(codes, SMIRK)
    assert codes.eyelids is not None and codes.eyelids.min() >= 0
    del state["smirk_encoder.pose_encoder.encoder.conv_stem.weight"]
    torch.save(state, tmp_path / "short.pt")
    with pytest.raises(ModelFileError, match=r"short.pt as smirk: 1 missing \(pose_encoder"):
        open_regressor("smirk", tmp_path / "short.pt")


def test_smirk_keeps_the_jaw_within_its_training():
    class Fixed(torch.nn.Module):
        def forward(self, images):
            return torch.tensor([[0.0] * 50 + [2.0, -1, -0.3, 0.5, -0.5]])

    network = bare(Smirk)
    network.pose_encoder = network.shape_encoder = torch.nn.Identity()
    network.expression_encoder = Fixed()
    codes = network(torch.zeros(1, 6))
    np.testing.assert_allclose(codes.jaw_pose[0], [0, 0.2, -0.2], atol=1e-6)
    np.testing.assert_allclose(codes.eyelids[0], [1, 0])


@pytest.mark.slow
def test_deca_and_emoca_answer_as_the_originals(emoca_state, tmp_path):
    parts = {"E_flame": {}, "E_detail": {"x": torch.ones(1)}, "D_detail": {"y": torch.ones(1)}}
    for name, value in emoca_state.items():
        if name.startswith("E_flame."):
            parts["E_flame"][name.removeprefix("E_flame.")] = value
    torch.save(parts, tmp_path / "deca_model.tar")
    codes = answers(open_regressor("deca", tmp_path / "deca_model.tar").network)
    agree(codes, {k: EMOCA[k] for k in ("global_orient", "camera")})
    np.testing.assert_allclose(codes.expression[0, :2], [0.2107205, 0.0113739], **CLOSE)
    np.testing.assert_allclose(codes.jaw_pose[0], [0.486482, -0.192377, 0.5394532], **CLOSE)
    state = {f"deca.{k}": v for k, v in emoca_state.items()}
    state |= {"deca.flame.v_template": torch.ones(3), "emonet_loss.w": torch.ones(1)}
    torch.save({"state_dict": state, "epoch": 1}, tmp_path / "emoca.ckpt")
    agree(answers(open_regressor("emoca", tmp_path / "emoca.ckpt").network), EMOCA)
    with pytest.raises(ModelFileError, match="no expression network"):
        open_regressor("emoca", tmp_path / "deca_model.tar")
    with pytest.raises(ModelFileError, match="unexpected"):
        open_regressor("deca", tmp_path / "emoca.ckpt")


def test_emoca_with_a_shared_body():
    """One of the released training settings: the second network is a head on the first's body."""
    shared = bare(Emoca, outputs=50, shared=True)
    names = set(shared.state_dict())
    assert "E_expression.layers.2.weight" in names
    assert not any(n.startswith("E_expression.encoder") for n in names)
    assert shared(torch.zeros(2, 3, 32, 32, device="meta")).jaw_pose.shape == (2, 3)
    with pytest.raises(ModelFileError, match="52"):
        Emoca(outputs=52)


def test_unknown_trackers_are_named(tmp_path):
    with pytest.raises(UsageError, match="deca, emoca, smirk"):
        open_regressor("flare", tmp_path / "x.pt")
    with pytest.raises(ModelFileError, match="no weights at"):
        open_regressor("deca", tmp_path / "x.tar")


def test_deca_parts_are_all_read():
    assert bare(Deca).E_flame.layers[2].out_features == 236
