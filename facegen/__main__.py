"""``facegen`` / ``python -m facegen``: run the command, turn expected failures into one line."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from facegen.errors import FacegenError


def _fail(message: str) -> NoReturn:
    line = " ".join(str(message).split())
    sys.stderr.write(f"facegen: {line}\n")
    # Worker threads of a cancelled run must not keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(2)


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def main() -> None:
    """Console entry point. Expected failures print one line and exit with code 2."""
    # Spinning OpenMP threads make shared machines up to twenty times slower; must precede torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    signal.signal(signal.SIGTERM, _terminate)
    from facegen.cli import app

    try:
        app(standalone_mode=True)
    except FacegenError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("stopped; the same command with --resume continues where it left off")
    except MemoryError:
        _fail("out of memory; try a smaller photo or --size")
    except BrokenPipeError:
        os._exit(0)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename or 'file'}")


if __name__ == "__main__":
    main()
