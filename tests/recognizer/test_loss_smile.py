"""The loss moves a calm head to a smile, and a judge that never met the guide says so."""

from pathlib import Path

import numpy as np
import pytest
import torch

from facegen.flame.camera import Camera
from facegen.flame.lighting import directional_light
from facegen.flame.model import HeadModel
from facegen.flame.skinning import HeadLayer
from facegen.recognizer import open_recognizer
from facegen.recognizer.loss import open_emotion_loss
from facegen.recognizer.registry import check_judges, origin_of
from facegen.recognizer.soft_render import render_head

SIDE, STEPS = 144, 20


def landmarks(head: HeadModel, vertices: torch.Tensor, camera: Camera) -> np.ndarray:
    """478 landmarks in pixels, from the head's own embedding."""
    embedding = head.landmarks["mediapipe478"]
    corners = vertices[0].numpy()[head.faces[embedding.faces]]
    points = (corners * embedding.bary[..., None]).sum(1)
    return camera.project(points)


@pytest.mark.slow
def test_a_calm_head_learns_to_smile(head: HeadModel, dev_data: Path) -> None:
    judges = dev_data / "judges"
    loss = open_emotion_loss(str(judges / "fer_minixception_64.onnx"), {"categorical": 1.0})
    guide = loss.recognizer
    judge = open_recognizer(f"mediapipe:{judges}")
    assert check_judges([judge.spec], origin_of("faces", [loss.use])) == []

    layer, camera = HeadLayer(head), Camera.from_fov(SIDE, SIDE)
    place = torch.tensor([[0.0, -0.01, -0.9]])
    light = directional_light((0.3, 0.4, 1.0))
    free = [k for k, n in enumerate(head.expression_names) if n.startswith(("mouth", "cheek"))]

    def pose(amounts: torch.Tensor) -> torch.Tensor:
        expression = torch.zeros(1, head.n_expression).index_copy(1, torch.tensor(free), amounts)
        return layer(expression=expression, transl=place).vertices

    def picture(amounts: torch.Tensor) -> torch.Tensor:
        return render_head(pose(amounts), head, camera, light=light)

    amounts = torch.zeros(1, len(free), requires_grad=True)
    with torch.no_grad():
        calm = picture(amounts)
        points = landmarks(head, pose(amounts), camera)
    matrix = torch.as_tensor(guide.spec.crop.matrix(points, SIDE, SIDE), dtype=torch.float32)[None]
    space = guide.spec.label_space
    assert space is not None
    target = {"probs": torch.as_tensor(space.one_hot("happy"), dtype=torch.float32)[None]}
    optimiser = torch.optim.Adam([amounts], lr=0.08)
    for _ in range(STEPS):
        optimiser.zero_grad()
        (loss(picture(amounts), matrix, target)["loss"] + 0.02 * amounts.square().sum()).backward()
        optimiser.step()
        with torch.no_grad():
            amounts.clamp_(0, 1)

    def smile(rgb: torch.Tensor) -> float:
        large = torch.nn.functional.interpolate(rgb.clamp(0, 1), scale_factor=2, mode="bilinear")
        shown = (large[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        table = judge.predict(shown)
        return float(table[["mouthSmileLeft", "mouthSmileRight"]].iloc[0].mean())

    with torch.no_grad():
        after = picture(amounts)
    assert smile(calm) < 0.1
    assert smile(after) > 0.3
