"""An ONNX network with one input and one output of fixed shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facegen._optional import require
from facegen.errors import ModelFileError


class OnnxNet:
    """A network on one CPU thread: the same input gives the same output to the last bit.

    Args:
        path: the file. takes, gives: shapes of its input and output.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        ModelFileError: unreadable, or of other shapes than the judge that its name promises.
    """

    def __init__(self, path: Path, takes: tuple[int, ...], gives: tuple[int, ...]) -> None:
        runtime = require("onnxruntime", "judges")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = runtime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise ModelFileError(f"{path} is not an ONNX network ({error})") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        found = [(tuple(p.shape), p.type) for p in (*inputs, *outputs)]
        if found != [(takes, "tensor(float)"), (gives, "tensor(float)")]:
            shapes = ", ".join(f"{shape} {kind}" for shape, kind in found)
            raise ModelFileError(
                f"{path} holds {shapes}, expected {takes} to {gives} float: it is not the judge "
                "that its name promises; rename or replace it"
            )
        self._input, self._takes = inputs[0].name, takes

    def __call__(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Output ``gives[1:]`` for an input of ``takes`` elements."""
        batch = np.ascontiguousarray(x, np.float32).reshape(self._takes)
        return np.asarray(self._session.run(None, {self._input: batch})[0][0], np.float64)
