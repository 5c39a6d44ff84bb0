import json

import numpy as np
import pytest

from facegen.audio import frame_count
from facegen.audio.transformer import TransformerEncoder
from facegen.errors import ModelFileError

transformers = pytest.importorskip("transformers")

SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


@pytest.fixture(params=["Wav2Vec2", "Hubert"])
def folder(request, tmp_path):
    """A random network saved as the hub keeps them."""
    import torch

    torch.manual_seed(0)
    kind = request.param
    config = getattr(transformers, f"{kind}Config")(**SMALL)
    getattr(transformers, f"{kind}Model")(config).save_pretrained(tmp_path)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(tmp_path)
    return tmp_path


def sound(seconds: float) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(round(seconds * 16000))
    return (0.1 * noise).astype(np.float32)


def test_a_saved_network_gives_one_frame_per_20_ms(folder):
    encoder = TransformerEncoder(folder)
    assert encoder.dim == 32
    assert encoder.rate == 50
    for count in (1, 320, 321, 16000, 16123):
        features = encoder.encode(sound(1.1)[:count])
        assert features.shape == (frame_count(count), 32)
        assert np.isfinite(features).all()
    assert features.std() > 0.01


def test_it_is_the_network_itself(folder):
    import torch

    encoder = TransformerEncoder(folder, layer=1)
    wave = sound(1.0)
    network = transformers.AutoModel.from_pretrained(folder).eval()
    scaled = torch.from_numpy(np.pad((wave - wave.mean()) / wave.std(), 40).astype(np.float32))
    with torch.inference_mode():
        truth = network(scaled[None], output_hidden_states=True).hidden_states[1][0]
    np.testing.assert_allclose(encoder.encode(wave), truth.numpy(), atol=1e-4)


def test_long_sound_in_windows_has_no_hole(folder):
    features = TransformerEncoder(folder).encode(sound(43.0))
    assert features.shape == (2150, 32)
    assert np.abs(features).max(1).min() > 0.01


def test_what_cannot_be_loaded_is_one_clear_line(folder, tmp_path_factory):
    with pytest.raises(ModelFileError, match="is not on this machine") as caught:
        TransformerEncoder("someone/no-such-model")
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelFileError, match="2 layers"):
        TransformerEncoder(folder, layer=3)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"conv_stride": [5, 2, 2, 2, 2, 2, 4]}))
    with pytest.raises(ModelFileError, match="50 features"):
        TransformerEncoder(folder)
    other = tmp_path_factory.mktemp("bert")
    transformers.BertConfig(hidden_size=8, num_attention_heads=1).save_pretrained(other)
    with pytest.raises(ModelFileError, match="bert model"):
        TransformerEncoder(other)


def test_pieces_give_what_the_whole_gives(folder, monkeypatch):
    from facegen.audio import transformer

    monkeypatch.setattr(transformer, "_WINDOW", 40)
    monkeypatch.setattr(transformer, "_OVERLAP", 10)
    encoder, wave = TransformerEncoder(folder), sound(3.01)
    whole = encoder.encode(wave)
    stream = encoder.stream()
    held = []
    for piece in np.array_split(wave, [5, 700, 9000, 30001]):
        held.append(stream.push(piece))
    parts = [*held, stream.finish()]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-5)
    assert len(whole) == frame_count(len(wave))
    assert sum(len(part) for part in held) >= 80, "windows are given out as they are complete"
