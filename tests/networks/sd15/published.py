"""A reduced-width system with made-up weights, in the published layout."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from facegen.networks.sd15.config import MotionConfig, UNetConfig
from facegen.networks.sd15.family import temporal_part
from facegen.networks.sd15.guider import GuidanceEncoder
from facegen.networks.sd15.profiles import MAGICPORTRAIT, Profile
from facegen.networks.sd15.unet import UNet
from tests.networks.sd15.numbers import array, fill

CONFIG = UNetConfig(widths=(32, 64, 64, 64), layers=2, tokens=32)
GUIDER = (8, 32, 32, 64)
WORDS = ("<|startoftext|>", "<|endoftext|>", "a</w>", "person</w>")


def save_published(folder: Path, profile: Profile = MAGICPORTRAIT) -> Path:
    """Write every file that the published system has, as ``.pth`` where it has ``.pth``."""
    folder.mkdir(parents=True, exist_ok=True)
    denoising = fill(UNet(CONFIG, MotionConfig()), "denoising").state_dict()
    motion = temporal_part(denoising)
    torch.save(motion, folder / "motion_module-47360.pth")
    torch.save({k: v for k, v in denoising.items() if k not in motion}, denoising_file(folder))
    reference = fill(UNet(CONFIG, output=False), "reference").state_dict()
    torch.save(reference, folder / "reference_unet.pth")
    for name in profile.guiders:
        state = dict(fill(GuidanceEncoder(CONFIG.widths[0], GUIDER), name).state_dict())
        # Weights that the published files carry and nobody reads.
        state["attentions.0.norm.weight"] = torch.ones(8)
        state["guidance_attention.norm.weight"] = torch.ones(64)
        torch.save(state, folder / f"guidance_encoder_{name}.pth")
    save_base(folder / "stable-diffusion-v1-5")
    save_vae(folder / "sd-vae-ft-mse")
    if profile.prompt is None:
        save_image_encoder(folder / "image_encoder")
    return folder


def denoising_file(folder: Path) -> Path:
    return folder / "denoising_unet.pth"


def tiny_vae() -> AutoencoderKL:
    levels = 4
    network = AutoencoderKL(
        block_out_channels=(32,) * levels,
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        sample_size=64,
    )
    return fill(network, "vae")


def save_vae(folder: Path) -> None:
    tiny_vae().save_pretrained(folder)


def save_base(folder: Path) -> None:
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "config.json").write_text(json.dumps(CONFIG.as_dict()))
    width = CONFIG.tokens
    config = CLIPTextConfig(
        vocab_size=len(WORDS),
        hidden_size=width,
        intermediate_size=width,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=0,
        eos_token_id=1,
    )
    fill(CLIPTextModel(config), "text").save_pretrained(folder / "text_encoder")
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(WORDS)}))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n")
    settings = {"model_max_length": 77, "tokenizer_class": "CLIPTokenizer"}
    (tokenizer / "tokenizer_config.json").write_text(json.dumps(settings))


def save_image_encoder(folder: Path) -> None:
    config = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=32,
        projection_dim=CONFIG.tokens,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
    )
    fill(CLIPVisionModelWithProjection(config), "image").save_pretrained(folder)


def picture(name: str, size: int = 64) -> torch.Tensor:
    """A made-up picture ``(3, S, S)`` in 0..1, in steps of a byte."""
    return (array(name, (3, size, size)).abs().clamp(0, 1) * 255).round() / 255
