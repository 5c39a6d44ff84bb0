"""Expression columns: 52 ARKit actions and 34 older MakeHuman units, plus how to bound them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facegen.headbuild.mesh import HeadMesh
from facegen.headbuild.people import RACES
from facegen.headbuild.sources import read_target, read_targets, target_name

Array = NDArray[np.float64]
# A joint already makes these motions; a fitter that also had the columns would split them at will.
BY_JOINT = (
    "eyeLook", "jawOpen", "jawLeft", "jawRight", "tongueOut",
    "mh:mouth-open", "mh:neck", "mh:eye-",
)  # fmt: skip
SIGMA = 0.3
UNIT_SIGMA = 0.15
BLINK_SIGMA = 0.85
# Rarely strong in real faces, and easily confused with lips and lids.
RARE = (
    "noseSneer", "cheek", "mouthShrug", "mouthRoll", "mouthDimple", "mouthPress", "jawForward",
)  # fmt: skip
RARE_SIGMA = 0.19
SLACK = ("eyeBlink", "mouthSmile", "mouthFrown", "browInnerUp", "browDown", "browOuterUp")


def expression_targets(root: Path) -> dict[str, NDArray[np.float32]]:
    """Base-mesh displacements ``(19158, 3)`` by name: ARKit names first, then ``mh:`` units."""
    actions = read_targets(root / "faceunits01" / "targets" / "faceunits")
    folders = [root / "mpfb2" / "targets" / "expression" / "units" / race for race in RACES]
    units = {}
    for path in sorted(folders[0].glob("*.target.gz")):
        versions = [read_target(folder / path.name) for folder in folders]
        units[f"mh:{target_name(path)}"] = np.mean(versions, 0, dtype=np.float32)
    return actions | units


def expression_basis(mesh: HeadMesh, targets: dict[str, NDArray[np.float32]]) -> Array:
    """``(N, 3, E)`` decimetres per unit; symmetric units become exactly symmetric."""
    names = list(targets)
    basis = np.stack([mesh.displace(targets[name]) for name in names], -1)
    partner = np.array([names.index(mirror_name(name)) for name in names])
    mirrored = basis[mesh.mirror] * np.array([-1.0, 1.0, 1.0])[:, None]
    return (basis + mirrored[:, :, partner]) / 2


def mirror_name(name: str) -> str:
    """The expression on the other side of the face (itself if it has no side)."""
    for a, b in (("Left", "Right"), ("-left-", "-right-")):
        if a in name and not name.startswith("mh:mouth"):
            return name.replace(a, b)
        if b in name and not name.startswith("mh:mouth"):
            return name.replace(b, a)
    return name


def is_free(name: str) -> bool:
    """Whether a fitter should solve for this column."""
    return not name.startswith(BY_JOINT)


def bounds(name: str) -> tuple[float, float]:
    """Plausible coefficients. Common actions may go a little past the sculpted shape."""
    return (0.0, 1.15) if name.startswith(SLACK) else (0.0, 1.0)


def sigma(name: str) -> float:
    """Prior spread of a coefficient around 0."""
    if name.startswith("eyeBlink"):
        return BLINK_SIGMA
    if name.startswith("mh:"):
        return UNIT_SIGMA
    return RARE_SIGMA if name.startswith(RARE) else SIGMA
