"""Weights remember who shaped them, and that judge is refused."""

import pytest

from facegen.checkpoints import OPEN_REENACTOR
from facegen.errors import ModelFileError
from facegen.evaluation.roles import conflicts
from facegen.pipelines.evaluate import PipelineMethod
from facegen.pipelines.open_generator import OpenGenerator
from facegen.pipelines.reenact import ReenactmentPipeline
from facegen.recognizer.guides import read_guides, write_guides
from facegen.recognizer.registry import Use
from facegen.recognizer.spec import Role
from tests.recognizer.test_registry import card

GUIDE = Use.of(card("guide", "1" * 64, "some set"), Role.GUIDE)


def test_what_was_written_is_read(tmp_path):
    assert read_guides(tmp_path) == ()
    write_guides(tmp_path, [GUIDE])
    assert read_guides(tmp_path) == (GUIDE,)


@pytest.mark.parametrize("text", ["", "[", "{}x", '[{"role": "guide"}]', "[1]", "7"])
def test_a_damaged_record_is_not_taken_for_none(tmp_path, text):
    (tmp_path / "guides.json").write_text(text)
    with pytest.raises(ModelFileError, match="export the weights anew"):
        read_guides(tmp_path)


def test_the_guide_of_its_weights_may_not_judge_a_generator(tmp_path, head):
    def refused(folder):
        pipe = ReenactmentPipeline(head, generator=OpenGenerator(None, "own", folder))
        return conflicts([GUIDE.component], PipelineMethod(pipe).origin)

    write_guides(tmp_path, [GUIDE])
    assert refused(tmp_path) == ["guide also made or taught own", *refused(tmp_path)[1:]]
    assert refused(OPEN_REENACTOR) == []
