"""A small made set, built once: two people who do not exist, four stills and a clip each."""

from dataclasses import replace
from pathlib import Path

import pytest

from facegen.pipelines.synth import synthesise
from facegen.synthesis.plan import Clips, Gates, Identities, People, Plan, Scene

PLAN = Plan(
    identities=Identities(people=(People(count=2, samples=4, clips=1),)),
    size=64,
    shard=3,
    split={"train": 0.5, "test": 0.5},
    maps=("depth", "regions"),
    clips=Clips(seconds=0.3, fps="30000/1001"),
    scene=Scene(occluders=0.0),
    seed=3,
)


@pytest.fixture(scope="session")
def plan() -> Plan:
    return PLAN


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made")
    assert synthesise(PLAN, out)
    return out


@pytest.fixture(scope="session")
def plain(plan: Plan) -> Plan:
    """The same without anything that looks at pictures."""
    return replace(plan, gates=Gates(face=False, quality=0.0), maps=())
