"""muxspace/facial_expressions: press and film faces with one rater's labels."""

from __future__ import annotations

import re
from pathlib import Path

from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.sets.files import label_of, need, table
from facegen.recognizer.labels import label_space

LICENCE = "repository Apache-2.0; rights in the pictures (LFW, film stills) unclear"
_NUMBER = re.compile(r"_\d+$")


def muxspace(folder: Path) -> FerDataset:
    """``images/*.jpg`` and ``data/legend.csv`` (``user.id, image, emotion``).

    People by the files' names (``Serena_Williams_0001.jpg``). No split: everything is ``train``.
    Pictures that the folder lacks are left out. Disgust is unusable and fear too rare; keep the
    five classes of the label space ``muxspace5`` with :meth:`FerDataset.only`.

    Raises:
        MediaError: another layout.
    """
    images = need(folder / "images", "folder of pictures")
    legend = need(folder / "data" / "legend.csv", "table of labels")
    space = label_space("muxspace8")
    rows = {row["image"]: row["emotion"] for row in table(legend, "image", "emotion")}
    samples = tuple(
        FerSample(
            path=images / name,
            subject=_NUMBER.sub("", Path(name).stem),
            label=label_of(emotion, space),
        )
        for name, emotion in rows.items()
        if (images / name).is_file()
    )
    return FerDataset("muxspace", samples, LICENCE)
