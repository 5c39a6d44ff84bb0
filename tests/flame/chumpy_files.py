"""Writes files in the official FLAME layout, chumpy and scipy objects included."""

import contextlib
import sys
import types


@contextlib.contextmanager
def fake_chumpy():
    """A class that pickles as ``chumpy.ch.Ch`` while the block runs."""

    class Ch:
        def __init__(self, x):
            self.x, self._dirty_vars, self._itr = x, set(), None

    Ch.__module__, Ch.__qualname__ = "chumpy.ch", "Ch"
    package, module = types.ModuleType("chumpy"), types.ModuleType("chumpy.ch")
    package.ch, module.Ch = module, Ch
    sys.modules.update({"chumpy": package, "chumpy.ch": module})
    try:
        yield Ch
    finally:
        del sys.modules["chumpy"], sys.modules["chumpy.ch"]
