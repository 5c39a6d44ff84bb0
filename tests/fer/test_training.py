"""A small network learns what can be learned, and nothing else."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facegen.fer.evaluation import Report, tell
from facegen.fer.losses import identity_terms
from facegen.fer.source import Source
from facegen.fer.task import Recipe, RecognizerTask
from facegen.recognizer.network import NetworkConfig, RecognizerNet, load_network
from facegen.training.config import TrainConfig
from facegen.training.loop import train
from tests.fer.faces import card, drawn_source

pytest.importorskip("accelerate")


def taught(
    source: Source, output: Path, recipe: Recipe, *, steps: int = 40, told: dict | None = None
) -> RecognizerNet:
    task = RecognizerTask(
        [source],
        [1.0],
        card(**(told or {})),
        NetworkConfig(width=8, features=24, dropout=0),
        recipe,
        batch_size=24,
    )
    config = TrainConfig(
        output=output, steps=steps, learning_rate=5e-3, warmup=5, ema=0.8, workers=0,
        save_every=steps, log_every=5, precision="fp32",
    )  # fmt: skip
    return load_network(train(task, config))


def accuracy(net: RecognizerNet, source: Source) -> float:
    report = Report.of("drawn", tell(net, source), source, resamples=10)
    assert report.present is not None
    return report.present.accuracy


PLAIN = Recipe(augment=None, smoothing=0.0)


def test_overfits_a_few_faces_with_all_heads(tmp_path: Path) -> None:
    source = drawn_source(6, 4)
    heads = {"valence_arousal": True, "blendshapes": True, "aus": "disfa8"}
    net = taught(source, tmp_path, PLAIN, steps=60, told=heads)
    assert accuracy(net, source) == 1
    told = tell(net, source, mirrored=False)
    truth = source.affect.numpy()
    assert all(np.corrcoef(told.affect[:, k], truth[:, k])[0, 1] > 0.9 for k in (0, 1))
    assert np.corrcoef(told.curves[:, 24], source.curves[:, 24])[0, 1] > 0.9
    assert ((told.units >= 0.5) == (source.aus.numpy() >= 1)).mean() > 0.95


def test_learns_for_people_it_has_not_seen_but_not_from_shuffled_labels(tmp_path: Path) -> None:
    source, others = drawn_source(9, 8), drawn_source(6, 6, seed=1, first=100)
    assert accuracy(taught(source, tmp_path / "right", Recipe(identity=0)), others) > 0.85
    wrong = taught(source.shuffled(3), tmp_path / "shuffled", Recipe(identity=0))
    assert accuracy(wrong, others) < 0.6  # chance is a third


def test_identity_terms_hide_who_is_seen() -> None:
    """A probe tells people from the features, and much worse where the terms worked against it."""
    probes = {weight: identity_probe(weight) for weight in (0.0, 3.0)}
    assert probes[0.0] > 0.8, probes
    assert probes[3.0] < probes[0.0] - 0.3, probes


def identity_probe(weight: float) -> float:
    """Accuracy of a fresh linear probe for 6 people on features that tell 3 classes.

    Inputs hold both plainly; what is kept of them is for the losses to say.
    """
    from sklearn.linear_model import LogisticRegression

    generator = torch.Generator().manual_seed(0)
    kind = torch.randint(0, 3, (600,), generator=generator)
    person = torch.randint(0, 6, (600,), generator=generator)
    x = torch.cat([torch.eye(3)[kind], torch.eye(6)[person]], 1)
    x = x + 0.1 * torch.randn(x.shape, generator=generator)
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Linear(9, 16), nn.ReLU())
    tell_kind, who = nn.Linear(16, 3), nn.Linear(16, 6)
    parts = nn.ModuleList([trunk, tell_kind, who])
    optimizer = torch.optim.AdamW(parts.parameters(), lr=2e-2)
    for _ in range(400):
        features = trunk(x)
        terms = identity_terms(who, features, person)
        loss = nn.functional.cross_entropy(tell_kind(features), kind) + terms["probe"]
        optimizer.zero_grad()
        (loss + weight * terms["identity"]).backward()
        optimizer.step()
    told = trunk(x).detach().numpy()
    assert float((tell_kind(trunk(x)).argmax(1) == kind).float().mean()) > 0.95
    probe = LogisticRegression(max_iter=300).fit(told[:300], person[:300])
    return float(probe.score(told[300:], person[300:]))


def test_pictures_and_clips_together(tmp_path: Path) -> None:
    """Clips of one kind of mouth each are told through the adapters; pictures still are."""
    from dataclasses import replace

    pictures = drawn_source(6, 4)
    clips = replace(pictures, crops=pictures.crops[:, None].repeat(1, 3, 1, 1, 1))
    task = RecognizerTask(
        [pictures, clips],
        [1.0, 1.0],
        card(),
        NetworkConfig(width=8, features=24, dropout=0, clips=True),
        PLAIN,
        batch_size=24,
    )
    config = TrainConfig(
        output=tmp_path, steps=50, learning_rate=5e-3, warmup=5, ema=0.8, workers=0,
        save_every=50, precision="fp32",
    )  # fmt: skip
    net = load_network(train(task, config))
    assert accuracy(net, pictures) == 1
    x = task.batch(0, 0, 1)
    told = net(x["clip/input"])
    assert told.features["clip"].shape == (12, 24)
    right = told.probs.argmax(1) == x["clip/labels"].argmax(1)
    assert right.float().mean() > 0.9


def test_batches_are_functions_of_the_step() -> None:
    task = RecognizerTask([drawn_source(4, 3)], [1.0], card(), recipe=Recipe())
    one, same, other = (task.batch(step, 0, 1)["image/input"] for step in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_stopped_training_goes_on(tmp_path: Path) -> None:
    source = drawn_source(4, 3)
    task = RecognizerTask([source], [1.0], card(), NetworkConfig(width=8, features=8), PLAIN)

    def run(output: Path, steps: int) -> None:
        config = TrainConfig(
            output=output, steps=steps, save_every=2, log_every=1, warmup=0, workers=0,
            precision="fp32",
        )  # fmt: skip
        train(task, config)

    run(tmp_path / "halves", 2)
    run(tmp_path / "halves", 4)
    run(tmp_path / "whole", 4)
    lines = [
        [json.loads(line)["loss"] for line in (tmp_path / d / "log.jsonl").read_text().splitlines()]
        for d in ("halves", "whole")
    ]
    assert lines[0] == pytest.approx(lines[1], abs=1e-5)
