"""The one place that says which extra is missing."""

import importlib
from types import ModuleType

from facegen.errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """Import ``module`` or name the extra that brings it.

    Raises:
        MissingExtraError: the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{module} is not installed; add it with: pip install 'facegen[{extra}]'"
        ) from error
