"""Loading by exact accounting: everything or a clear refusal."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from facegen.errors import ModelFileError
from facegen.networks.sd15.config import MotionConfig, UNetConfig
from facegen.networks.sd15.family import open_family
from facegen.networks.sd15.guider import GuidanceEncoder
from facegen.networks.sd15.layout import find_layout
from facegen.networks.sd15.profiles import CHAMP, MAGICPORTRAIT
from facegen.networks.sd15.prompts import image_tokens, text_tokens
from facegen.networks.sd15.unet import UNet
from tests.networks.sd15.numbers import fill
from tests.networks.sd15.published import CONFIG, save_published


def open_folder(folder: Path, profile=MAGICPORTRAIT):
    return open_family(find_layout(folder, profile), profile)


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "copy"))


def change(path: Path, edit) -> None:
    state = torch.load(path, weights_only=True)
    edit(state)
    torch.save(state, path)


def test_published_sizes():
    """The counts of the full-size files: tensors and millions of numbers."""
    with torch.device("meta"):
        networks = [UNet(UNetConfig(), MotionConfig()), UNet(UNetConfig(), output=False)]
        networks.append(GuidanceEncoder())
    found = []
    for network in networks:
        count = sum(p.numel() for p in network.parameters()) / 1e6
        found.append((len(network.state_dict()), round(count, 1)))
    assert found == [(1274, 1312.7), (682, 859.5), (35, 2.3)]


def test_everything_arrives(family):
    for network, label in ((family.reference, "reference"), (family.denoising, "denoising")):
        wanted = fill(UNet(CONFIG, network.motion, output=network.output), label).state_dict()
        got = network.state_dict()
        assert all(torch.equal(got[key], value) for key, value in wanted.items())
    assert list(family.guiders) == ["depth", "normal", "render"]
    assert not any(p.requires_grad for n in family.networks.values() for p in n.parameters())


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("reference_unet.pth", "mid_block.attentions.0.proj_in.weight"),
        ("denoising_unet.pth", "conv_out.bias"),
        ("motion_module-47360.pth", "mid_block.motion_modules.0.temporal_transformer.norm.bias"),
        ("guidance_encoder_normal.pth", "blocks.3.weight"),
        ("guidance_encoder_depth.pth", "attentions.5.proj_out.bias"),
    ],
)
def test_one_missing_key_is_refused(copy, file, key):
    change(copy / file, lambda state: state.pop(key))
    with pytest.raises(ModelFileError, match=rf"{file}.*1 missing \({key}"):
        open_folder(copy)


@pytest.mark.parametrize(
    "file", ["reference_unet", "denoising_unet", "motion_module-47360", "guidance_encoder_render"]
)
def test_one_key_too_many_is_refused(copy, file):
    change(copy / f"{file}.pth", lambda state: state.update({"lora.up": torch.ones(1)}))
    with pytest.raises(ModelFileError, match=rf"{file}.*1 unexpected \(lora.up"):
        open_folder(copy)


def test_wrong_shape_is_refused(copy):
    change(copy / "reference_unet.pth", lambda s: s.update({"conv_in.bias": torch.ones(33)}))
    with pytest.raises(ModelFileError, match=r"conv_in.bias has shape \(33,\), expected \(32,\)"):
        open_folder(copy)


def test_another_system_is_refused(tmp_path):
    champ = save_published(tmp_path / "champ", CHAMP)
    with pytest.raises(ModelFileError, match=r"holds Champ's weights .*dwpose.*assets download"):
        open_folder(champ)
    assert list(open_folder(champ, CHAMP).guiders) == list(CHAMP.guiders)


def test_champ_finds_the_image_encoder_where_assets_put_it(tmp_path):
    champ = save_published(tmp_path / "champ", CHAMP)
    (tmp_path / "clip").mkdir()
    (champ / "image_encoder").rename(tmp_path / "clip" / "image_encoder")
    assert find_layout(champ, CHAMP).image_encoder == tmp_path / "clip" / "image_encoder"


def test_champ_speaks_in_pictures(tmp_path):
    layout = find_layout(save_published(tmp_path / "champ", CHAMP), CHAMP)
    photo = np.arange(40 * 30 * 3, dtype=np.uint8).reshape(40, 30, 3)
    tokens = image_tokens(layout.image_encoder, photo)
    assert tokens.shape == (1, 1, CONFIG.tokens)
    assert not torch.equal(tokens, image_tokens(layout.image_encoder, 255 - photo))


def test_prompt_fills_all_positions(published):
    base = find_layout(published, MAGICPORTRAIT).base
    tokens = text_tokens(base, "a person")
    assert tokens.shape == (1, 77, CONFIG.tokens)
    assert not torch.equal(tokens, text_tokens(base, "person a"))


def test_dead_keys_may_be_there_or_not(copy):
    def strip(state):
        for key in ("attentions.0.norm.weight", "guidance_attention.norm.weight"):
            del state[key]

    change(copy / "guidance_encoder_depth.pth", strip)
    change(copy / "reference_unet.pth", lambda s: s.update({"conv_out.bias": torch.ones(4)}))
    open_folder(copy)


def test_modules_inside_the_unet_win_as_published(copy):
    motion = torch.load(copy / "motion_module-47360.pth", weights_only=True)
    change(copy / "denoising_unet.pth", lambda s: s.update({k: v + 1 for k, v in motion.items()}))
    key = next(iter(motion))
    assert torch.equal(open_folder(copy).denoising.state_dict()[key], motion[key] + 1)
    (copy / "motion_module-47360.pth").unlink()
    assert torch.equal(open_folder(copy).denoising.state_dict()[key], motion[key] + 1)


def test_no_motion_modules_anywhere(copy):
    (copy / "motion_module-47360.pth").unlink()
    with pytest.raises(ModelFileError, match="no motion modules"):
        open_folder(copy)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("denoising_unet.pth", "no denoising_unet.pth .* assets download magicportrait"),
        ("guidance_encoder_render.pth", "no guidance_encoder_render.pth"),
        ("stable-diffusion-v1-5", "stable-diffusion-v1-5 or sd15 .* assets download sd15.*--base"),
        ("sd-vae-ft-mse", "assets download sd-vae-ft-mse, or name it with --vae"),
        ("stable-diffusion-v1-5/tokenizer", "no tokenizer|cannot be loaded"),
    ],
)
def test_missing_parts_name_the_command(copy, part, message):
    path = copy / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(ModelFileError, match=message):
        text_tokens(find_layout(copy, MAGICPORTRAIT).base, "a person")


def test_safetensors_and_ckpts_folder(copy):
    from safetensors.torch import save_file

    inner = copy / "ckpts"
    inner.mkdir()
    for file in copy.glob("*.pth"):
        save_file(torch.load(file, weights_only=True), inner / f"{file.stem}.safetensors")
        file.unlink()
    assert open_folder(copy).layout.reference.parent == inner


def test_pickles_are_not_run(copy):
    import pickle

    (copy / "reference_unet.pth").write_bytes(pickle.dumps({"conv_in.weight": Path}))
    with pytest.raises(ModelFileError):
        open_folder(copy)


def test_half_loaded_autoencoder_is_refused(copy):
    from safetensors.torch import load_file, save_file

    file = copy / "sd-vae-ft-mse" / "diffusion_pytorch_model.safetensors"
    state = load_file(file)
    del state["decoder.conv_out.bias"]
    save_file(state, file)
    with pytest.raises(ModelFileError, match="decoder.conv_out.bias|cannot be loaded"):
        open_folder(copy)


def test_a_base_model_of_another_kind_is_refused(copy):
    path = copy / "stable-diffusion-v1-5" / "unet" / "config.json"
    raw = json.loads(path.read_text()) | {"use_linear_projection": True}
    path.write_text(json.dumps(raw))
    with pytest.raises(ModelFileError, match="use_linear_projection True"):
        open_folder(copy)


def test_hub_names_are_used_only_when_given(copy, monkeypatch):
    asked = []

    def fetch(name, allow_patterns):
        asked.append(name)
        return str(copy / "sd-vae-ft-mse")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    find_layout(copy, MAGICPORTRAIT)
    assert asked == []
    assert find_layout(copy, MAGICPORTRAIT, vae="owner/vae").vae == copy / "sd-vae-ft-mse"
    assert asked == ["owner/vae"]
    with pytest.raises(ModelFileError, match="--vae nowhere: no such folder"):
        find_layout(copy, MAGICPORTRAIT, vae="nowhere")
