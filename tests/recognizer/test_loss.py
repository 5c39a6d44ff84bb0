"""The emotion loss: what it aims at, what it leaves alone, and that it moves a face."""

import pytest
import torch

from facegen.errors import UsageError
from facegen.flame.camera import Camera
from facegen.flame.model import HeadModel
from facegen.flame.skinning import HeadLayer
from facegen.recognizer.clip import ClipRecognizer
from facegen.recognizer.loss import EmotionLoss
from facegen.recognizer.soft_render import render_head
from facegen.recognizer.spec import Role
from tests.recognizer.nets import TinyNet

ALL = {"features": 1.0, "va": 0.5, "categorical": 0.2, "au": 0.1}


def inputs(*batch: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.tensor([[0.5, 0, 0], [0, 0.5, 0]]).expand(*batch, 2, 3)
    return torch.rand(*batch, 3, 16, 16, generator=generator), matrix


def test_the_same_faces_are_at_distance_zero_and_others_are_not() -> None:
    loss = EmotionLoss(TinyNet(), {"features": 1.0, "va": 1.0})
    images, matrices = inputs(3)
    target = loss.aim(images, matrices)
    assert loss(images, matrices, target)["loss"] == pytest.approx(0, abs=1e-6)
    other, _ = inputs(3, seed=1)
    assert loss(other, matrices, target)["loss"] > 1e-3


@pytest.mark.parametrize("level", ["frame", "clip"])
@pytest.mark.parametrize("distance", ["cosine", "l1", "l2"])
def test_going_downhill_reaches_the_target(level: str, distance: str) -> None:
    net = ClipRecognizer(TinyNet(), 12, length=4) if level == "clip" else TinyNet()
    terms = {"features": 1.0, "categorical": 0.01}
    loss = EmotionLoss(net, terms, level=level, distance=distance)  # type: ignore[arg-type]
    shape = (2, 4) if level == "clip" else (2,)
    goal, matrices = inputs(*shape, seed=5)
    target = loss.aim(goal, matrices)
    images = inputs(*shape)[0].requires_grad_()
    optimiser = torch.optim.Adam([images], lr=0.03)
    first = loss(images, matrices, target)["features"].item()
    for _ in range(40):
        optimiser.zero_grad()
        loss(images, matrices, target)["loss"].backward()
        optimiser.step()
    assert loss(images, matrices, target)["features"].item() < 0.2 * first


def test_the_recognizer_stays_as_it_is() -> None:
    net = TinyNet()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    loss = EmotionLoss(net, ALL).train()
    images, matrices = inputs(4)
    images.requires_grad_()
    target = {
        "features": torch.zeros(4, 12) + 0.1,
        "valence_arousal": torch.zeros(4, 2),
        "probs": torch.full((4, 8), 1 / 8),
        "au": torch.tensor([[1.0] + [torch.nan] * 7] * 4),
    }
    out = loss(images, matrices, target)
    assert set(out) == {"loss", *ALL}
    assert out["loss"].item() == pytest.approx(sum(w * out[n].item() for n, w in ALL.items()))
    out["loss"].backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert not net.training
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(before[n], v) for n, v in net.state_dict().items())
    assert loss.use.role is Role.GUIDE


def test_masked_samples_have_no_say() -> None:
    loss = EmotionLoss(TinyNet(), {"va": 1.0})
    images, matrices = inputs(2)
    images.requires_grad_()
    target = {"valence_arousal": torch.tensor([[1.0, 1.0], [-1.0, -1.0]])}
    loss(images, matrices, target, mask=torch.tensor([1.0, 0.0]))["loss"].backward()
    assert images.grad is not None
    assert images.grad[0].abs().sum() > 0
    assert images.grad[1].abs().sum() == 0


def test_gradients_follow_the_crop() -> None:
    loss = EmotionLoss(TinyNet(), {"features": 1.0})
    images, matrices = inputs(1)
    moving = matrices.clone().requires_grad_()
    target = loss.aim(inputs(1, seed=3)[0], matrices)
    loss(images, moving, target)["loss"].backward()
    assert moving.grad is not None
    assert moving.grad.abs().sum() > 0


def test_frames_of_a_picture_recognizer_are_pooled_over_the_clip() -> None:
    """A clip is judged as a whole: turning time round changes nothing, another pace does not."""
    loss = EmotionLoss(TinyNet(), {"features": 1.0, "va": 1.0}, level="clip")
    images, matrices = inputs(1, 6)
    target = loss.aim(images, matrices)
    assert loss(images.flip(1), matrices, target)["loss"] == pytest.approx(0, abs=1e-6)


def test_wrong_uses_are_refused() -> None:
    with pytest.raises(UsageError, match="no gradients"):
        EmotionLoss(TinyNet(differentiable=False))
    with pytest.raises(UsageError, match="terms are"):
        EmotionLoss(TinyNet(), {"smile": 1.0})
    with pytest.raises(UsageError, match="cannot be a guide"):
        EmotionLoss(TinyNet(roles=frozenset({Role.JUDGE})))
    loss = EmotionLoss(TinyNet(), {"va": 1.0})
    images, matrices = inputs(1)
    with pytest.raises(UsageError, match="says nothing about va"):
        loss(images, matrices, {"probs": torch.full((1, 8), 1 / 8)})


@pytest.mark.parametrize("painted", [True, False])
def test_a_rendered_pixel_changes_as_the_derivative_says(head: HeadModel, painted: bool) -> None:
    """Against a finite difference: paint slides with the skin, plain skin turns to the light."""
    camera = Camera.from_fov(40, 40)
    layer = HeadLayer(head)
    place = torch.tensor([[0.0, -0.0, -1.0]])
    smile = head.expression_names.index("mouthSmileLeft")

    def picture(amount: torch.Tensor) -> torch.Tensor:
        expression = torch.zeros(1, head.n_expression).index_put(
            (torch.tensor([0]), torch.tensor([smile])), amount
        )
        vertices = layer(expression=expression, transl=place).vertices
        albedo = 0.5 + 0.5 * torch.sin(300 * torch.as_tensor(head.v_template))
        albedo = albedo if painted else torch.full_like(albedo, 0.7)
        return render_head(vertices, head, camera, albedo=albedo)

    amount = torch.tensor([0.3], requires_grad=True)
    step = 2e-3
    with torch.no_grad():
        finite = (picture(amount + step) - picture(amount - step)) / (2 * step)
    shown = picture(amount)
    # Pixels that an outline crosses jump; they are few and are left out.
    weight = torch.where(finite.abs() < (1.0 if painted else 0.1), finite, 0)
    slope = torch.autograd.grad((shown * weight).sum(), amount)[0]
    assert slope.item() == pytest.approx(weight.square().sum().item(), rel=0.03)
    assert weight.abs().sum() > 1
