"""Lips that learn from a speech network's features: training, files, the command."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from facegen.audio.transformer import TransformerEncoder
from facegen.data.speech.cache import SourceCard, write_manifest, write_source
from facegen.data.speech.phones import PHONES
from facegen.data.speech.utterance import Face, Utterance
from facegen.errors import ModelFileError
from facegen.motion import Motion
from facegen.speech.lip_eval import segments_of
from facegen.speech.lip_features import features_for
from facegen.speech.lip_predict import predict_lips
from facegen.speech.lip_task import LipTask, Spread
from facegen.speech.lip_weights import load_lip_net
from tests.audio.test_transformer import SMALL
from tests.command import run
from tests.speech.lessons import lesson

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random HuBERT in the layout of the hub."""
    import torch

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("hubert")
    transformers.HubertModel(transformers.HubertConfig(**SMALL)).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A speech cache of three made-up clips with faces."""
    folder = tmp_path_factory.mktemp("cache")

    def utterances():
        for number, split in enumerate(("train", "train", "val")):
            made = lesson(f"u{number}", seed=number)
            face = Face.unseen(made.frames)
            face.curves[:, 24] = 0.3 * (made.phones == PHONES.index("AA"))
            face.geometry[:, 0] = 0.1 * (made.phones == PHONES.index("AA"))
            face.valid[:] = True
            yield Utterance(
                made.name, "s", "en", "", split, made.sound(), segments_of(made.phones), face
            )

    card = SourceCard("grid", "own", "made up", {})
    write_source(folder, card, utterances())
    write_manifest(folder, [card])
    return folder


def test_the_command_trains_lips_on_a_speech_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, model: Path, cache: Path
) -> None:
    arguments = [
        "--data", cache, "-o", tmp_path / "out", "--steps", 2, "--teacher-steps", 2,
        "--batch-size", 2, "--audio-encoder", model, "--layer", 1, "--workers", 0,
        "--precision", "fp32", "--sample-every", 2,
    ]  # fmt: skip
    outcome = run(monkeypatch, "train", "motion", *arguments)
    assert outcome.code == 0, outcome.error
    lips = tmp_path / "out" / "lips" / "export"
    net = load_lip_net(lips)
    assert (net.config.encoder, net.config.features) == (f"hubert:{model.name}:1", 32)

    sound, target = tmp_path / "a.wav", tmp_path / "m.motion.npz"
    soundfile.write(sound, lesson("x").sound(), 16_000)
    said = ["talk", "--audio", sound, "--motion-only", target, "--lips", lips]
    outcome = run(monkeypatch, *said)
    assert outcome.code == 2
    assert "hubert" in outcome.error and not target.exists()
    outcome = run(monkeypatch, *said, "--audio-encoder", model)
    assert outcome.code == 0, outcome.error
    assert len(Motion.load(target)) == 60


def test_the_network_hears_the_encoders_layer(model: Path) -> None:
    lessons = [lesson("a"), lesson("b", seed=1)]
    encoder = TransformerEncoder(model, layer=1)
    task = LipTask(lessons, Spread.of(lessons), batch_size=2, encoder=encoder)
    batch = task.batch(0, 0, 1)
    assert batch["features"].shape == (2, 140, 32)
    net = task.model().train(False)
    found = features_for(net, model)
    assert found.name == encoder.name
    wave = lessons[0].sound()
    one = predict_lips(wave, net=net, encoder=found)
    two = predict_lips(np.array_split(wave, 3), net=net, encoder=found)
    np.testing.assert_allclose(one.speech, two.speech, atol=1e-5)
    assert len(one) == lessons[0].frames


def test_the_wrong_encoder_is_refused(model: Path) -> None:
    net = LipTask([lesson("a")], Spread.of([lesson("a")])).model()
    with pytest.raises(ModelFileError, match="leave the audio encoder out"):
        features_for(net, model)
    net.config = replace(net.config, encoder="wavlm:base:2")
    with pytest.raises(ModelFileError, match="wavlm:base:2"):
        features_for(net, model)


def test_training_goes_on_from_given_weights() -> None:
    import torch

    lessons = [lesson("a")]
    first = LipTask(lessons, Spread.of(lessons)).model()
    again = LipTask(lessons, Spread.of(lessons), start=first).model()
    for name, value in again.state_dict().items():
        assert torch.equal(value, first.state_dict()[name]), name
