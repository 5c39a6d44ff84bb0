"""Losses against hand-made numbers, and what must not matter to them."""

import math

import pytest
import torch
from torch import nn

from facegen.fer import losses
from facegen.fer.sharpness import sharp_loss


def test_soft_cross_entropy_is_cross_entropy_on_hard_labels() -> None:
    logits = torch.randn(5, 8)
    hard = torch.arange(5)
    ours = losses.soft_cross_entropy(logits, torch.eye(8)[hard])
    assert ours == pytest.approx(float(nn.functional.cross_entropy(logits, hard)), abs=1e-5)
    smooth = losses.soft_cross_entropy(logits, torch.eye(8)[hard], smoothing=0.1)
    theirs = nn.functional.cross_entropy(logits, hard, label_smoothing=0.1)
    assert smooth == pytest.approx(float(theirs), abs=1e-5)


def test_unknown_labels_and_weights_leave_no_trace() -> None:
    logits = torch.randn(3, 8, requires_grad=True)
    target = torch.eye(8)[:3].clone()
    target[1] = math.nan
    losses.soft_cross_entropy(logits, target, weight=torch.tensor([1.0, 1.0, 0.0])).backward()
    assert logits.grad is not None
    assert logits.grad[0].abs().sum() > 0
    assert logits.grad[1:].abs().sum() == 0


def test_ccc_loss() -> None:
    truth = torch.tensor([[0.1, -1.0], [0.5, 0.0], [-0.2, 1.0], [math.nan, 0.5]])
    assert losses.ccc_loss(truth.nan_to_num(9.0), truth) == pytest.approx(0, abs=1e-6)
    # The mirrored series of mean 0 has CCC -1.
    column = torch.tensor([[-1.0], [0.0], [1.0]])
    assert losses.ccc_loss(-column, column) == pytest.approx(2, abs=1e-5)
    # A shift by d costs 2 var / (2 var + d^2): population variance 2/3, d = 1.
    assert losses.ccc_loss(column + 1, column) == pytest.approx(1 - (4 / 3) / (4 / 3 + 1), abs=1e-5)


def test_masked_units() -> None:
    logits = torch.tensor([[2.0, -3.0]])
    one = losses.masked_au_loss(logits, torch.tensor([[3.0, math.nan]]))
    assert one == pytest.approx(math.log1p(math.exp(-2)), abs=1e-5)
    weak = losses.masked_au_loss(logits, torch.tensor([[0.5, math.nan]]))
    assert weak == pytest.approx(2 + math.log1p(math.exp(-2)), abs=1e-5)


def test_attention_wants_activation_inside_the_mask() -> None:
    masks = torch.zeros(2, 8, 8)
    masks[0, :4] = 1  # the second mask is empty: it says nothing
    inside, outside = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    inside[:, :, :2], outside[:, :, 2:] = 1, 1
    assert losses.attention_loss(inside, masks) == pytest.approx(0, abs=1e-5)
    assert losses.attention_loss(outside, masks) == pytest.approx(1, abs=1e-5)


def test_partial_labels_move_belief_into_the_set_but_not_between_its_members() -> None:
    logits = torch.zeros(1, 4, requires_grad=True)
    candidates = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    losses.partial_label_loss(logits, candidates).backward()
    slope = logits.grad
    assert slope is not None
    assert slope[0, 0] == pytest.approx(float(slope[0, 1]))
    assert slope[0, 0] < 0 < slope[0, 2]


def test_partial_labels_leave_a_sure_truth_outside_the_set_alone() -> None:
    """With less trust a strong belief outside the candidates is pulled back less."""
    pulls = []
    for trust in (1.0, 0.5):
        logits = torch.tensor([[0.0, 0.0, 6.0]], requires_grad=True)
        losses.partial_label_loss(logits, torch.tensor([[1.0, 0, 0]]), trust=trust).backward()
        assert logits.grad is not None
        pulls.append(float(logits.grad[0, 2]))
    assert pulls[1] == pytest.approx(pulls[0] / 2, rel=1e-3)


def test_identity_terms_teach_the_head_and_the_features_apart() -> None:
    head, features = nn.Linear(4, 3), torch.randn(6, 4, requires_grad=True)
    who = torch.tensor([0, 1, 2, 0, -1, -1])
    terms = losses.identity_terms(head, features, who)
    terms["probe"].backward()
    assert features.grad is None
    head.zero_grad()
    losses.identity_terms(head, features, who)["identity"].backward()
    assert head.weight.grad is None or head.weight.grad.abs().sum() == 0
    assert features.grad is not None
    assert features.grad[:4].abs().sum() > 0
    assert features.grad[4:].abs().sum() == 0


def test_an_undecided_head_is_the_aim() -> None:
    head = nn.Linear(4, 3)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    terms = losses.identity_terms(head, torch.randn(5, 4), torch.zeros(5, dtype=torch.long))
    assert terms["identity"] == pytest.approx(0, abs=1e-6)


def test_sharp_loss_is_the_gradient_at_the_worst_neighbour() -> None:
    """Second implementation: move the weights by hand, take the gradient there."""
    torch.manual_seed(0)
    model, x = nn.Linear(3, 1), torch.randn(5, 3)

    def loss(m: nn.Module) -> dict[str, torch.Tensor]:
        return {"loss": m(x).square().mean()}

    sharp_loss(model, loss, radius=0.1)["loss"].backward()
    ours = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    loss(model)["loss"].backward()
    slopes = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    size = torch.cat([s.flatten() for s in slopes]).norm()
    model.zero_grad()
    with torch.no_grad():
        for p, slope in zip(model.parameters(), slopes, strict=True):
            p += 0.1 * slope / size
    loss(model)["loss"].backward()
    for mine, p in zip(ours, model.parameters(), strict=True):
        assert p.grad is not None
        torch.testing.assert_close(mine, p.grad)
