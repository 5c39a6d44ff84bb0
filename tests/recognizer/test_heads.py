"""Heads, clips, ensembles."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from facegen.errors import UsageError
from facegen.recognizer.clip import ClipRecognizer, pooled
from facegen.recognizer.ensemble import (
    Ensemble,
    canonical,
    disagreement,
    partial_labels,
    votes,
    weighted_mean,
)
from facegen.recognizer.heads import (
    AUHead,
    BlendshapeHead,
    IdentityAdversarialHead,
    OpenSetHead,
    PrototypeHead,
    VAHead,
)
from facegen.recognizer.sights import Picture, SeenFace
from tests.recognizer.nets import TinyNet


def test_ranges_of_the_heads() -> None:
    features = 20 * torch.randn(50, 6)
    assert VAHead(6)(features).abs().max() <= 1
    curves = BlendshapeHead(6)(features)
    assert curves.shape == (50, 52)
    assert 0 <= curves.min() <= curves.max() <= 1
    strength = AUHead(6, 4, intensity=True)(features)
    assert 0 <= strength.min() <= strength.max() <= 5


@pytest.mark.parametrize("intensity", [False, True])
def test_units_without_a_label_teach_nothing(intensity: bool) -> None:
    head = AUHead(3, 2, intensity=intensity)
    features = torch.randn(5, 3)
    target = torch.tensor([[1.0, torch.nan]] * 5)
    loss = head.loss(head(features), target)
    loss.backward()
    assert torch.isfinite(loss)
    assert head.linear.weight.grad is not None
    assert head.linear.weight.grad[1].abs().max() == 0
    assert head.linear.weight.grad[0].abs().max() > 0
    nothing = head.loss(head(features), torch.full((5, 2), torch.nan))
    assert nothing == 0


def test_the_adversary_learns_and_the_trunk_unlearns() -> None:
    head = IdentityAdversarialHead(4, 3, strength=0.5)
    features = torch.randn(6, 4, requires_grad=True)
    people = torch.arange(6) % 3
    torch.nn.functional.cross_entropy(head(features), people).backward()
    plain = torch.nn.functional.cross_entropy(head.linear(features), people)
    expected = torch.autograd.grad(plain, (features, head.linear.weight))
    assert features.grad is not None
    assert torch.allclose(features.grad, -0.5 * expected[0])
    assert torch.allclose(head.linear.weight.grad, expected[1])


def test_the_open_set_head_knows_strangers() -> None:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 2
    spread = torch.tensor([3.0, 0.3, 1.0])
    known = torch.randn(400, 3, generator=generator) * spread
    known[:, 1] += 4.0 * labels
    head = OpenSetHead(3, 2)
    head.learn(known, labels)
    score = head(known)
    assert score.mean() == pytest.approx(0.5, abs=0.02)
    # As far in the wide direction as a known face, but off in the narrow one.
    strange = torch.tensor([[0.0, 2.0, 0.0], [0.0, -3.0, 0.0]])
    assert head(strange).min() > 0.97
    assert head(torch.tensor([[2.0, 0.0, 0.0]])) < 0.7
    with pytest.raises(UsageError, match="every class"):
        head.learn(known, torch.zeros(400, dtype=torch.long))


def test_prototypes_win_by_direction_alone() -> None:
    directions = torch.eye(3)
    head = PrototypeHead(3, 3, prototypes=directions, temperature=0.5)
    features = torch.tensor([[0.1, 5.0, 0.0]])
    assert head(features).argmax() == 1
    assert torch.allclose(head(features), head(7 * features))
    assert not list(head.parameters())
    with pytest.raises(UsageError, match="prototypes"):
        PrototypeHead(4, 3, prototypes=directions)


def test_the_order_of_frames_matters_to_the_gru_and_not_to_the_mean() -> None:
    x = torch.rand(2, 5, 3, 8, 8)
    for temporal, changed in (("gru", True), ("mean", False)):
        net = ClipRecognizer(TinyNet(), 12, length=5, temporal=temporal).train(False)
        out = net(x)
        assert out.features["frame"].shape == (2, 5, 12)
        assert out.features["clip"].shape == (2, 128 if temporal == "gru" else 12)
        shuffled = net(x[:, [1, 0, 3, 2, 4]])
        assert torch.allclose(out.logits, shuffled.logits, atol=1e-6) != changed
        assert net.spec.clip_len == 5
        assert "tiny0" in net.spec.teachers
    with pytest.raises(UsageError, match="a clip is"):
        net(x[0])
    assert pooled(torch.ones(2, 5, 3)).tolist() == [[1] * 3 + [0] * 3] * 2


probabilities = st.integers(0, 2**32 - 1).map(
    lambda seed: torch.from_numpy(np.random.default_rng(seed).dirichlet(np.ones(4), (3, 5)))
)


@given(probabilities)
def test_means_and_disagreement_stay_in_range(each: torch.Tensor) -> None:
    mean = weighted_mean(each, [1, 2, 0])
    assert torch.allclose(mean, (each[0] + 2 * each[1]) / 3)
    apart = disagreement(each)
    assert ((apart >= 0) & (apart <= 1)).all()
    assert disagreement(each[:1].expand(3, -1, -1)).max() < 1e-6
    assert votes(each).sum(-1).tolist() == [3] * 5


def test_members_sure_of_different_classes_disagree_fully() -> None:
    each = torch.eye(4)[:3, None]
    assert disagreement(each) == pytest.approx(1)


def test_a_class_that_a_member_cannot_tell_is_left_to_the_others() -> None:
    each = torch.tensor([[[0.5, 0.5, torch.nan]], [[0.2, 0.2, 0.6]]])
    assert torch.allclose(weighted_mean(each), torch.tensor([[0.35, 0.35, 0.6]]) / 1.3)


def test_candidate_sets_hold_the_target_and_every_first_choice() -> None:
    each = torch.tensor([[[0.6, 0.3, 0.1, 0]], [[0.1, 0.2, 0.7, 0]]])
    assert partial_labels(each)[0].tolist() == [True, False, True, False]
    with_target = partial_labels(each, torch.tensor([3]))
    assert with_target[0].tolist() == [True, False, True, True]
    assert partial_labels(each, torch.tensor([-1])).sum() == 2
    assert partial_labels(each, k=2)[0].tolist() == [True, True, True, False]


def test_an_ensemble_is_the_mean_of_its_members_in_the_canonical_order() -> None:
    members = [TinyNet(0), TinyNet(1, "fer2013_7")]
    net = Ensemble(members, [1, 3]).train(False)
    picture = Picture("", 0, 0.0, np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8))
    observed = net.observe(picture, SeenFace(0, None))[None]
    out = net.tell(observed)
    each = torch.stack(
        [canonical(m, m.tell(m.observe(picture, SeenFace(0, None))[None])) for m in members]
    )
    assert torch.allclose(out.probs, weighted_mean(each, [1, 3]))
    assert torch.isnan(each[1, 0, 7])
    assert net.spec.trained_on == ("set0", "set1")
    assert net.spec.labels == "affectnet8"
    assert out.probs.sum().item() == pytest.approx(1)
    wide = torch.rand(2, 3, 224, 224, requires_grad=True)
    net(wide).probs[:, 0].sum().backward()
    assert wide.grad is not None
    assert wide.grad.abs().max() > 0
    with pytest.raises(UsageError, match="weights"):
        Ensemble(members, [1])
    with pytest.raises(UsageError, match="needs members"):
        Ensemble([])
