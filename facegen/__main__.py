"""``facegen`` / ``python -m facegen``: run the command, turn expected failures into one line."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

from facegen.errors import FacegenError


def _fail(message: str) -> NoReturn:
    line = " ".join(str(message).split())
    if line:
        sys.stderr.write(f"facegen: {line}\n")
    # Worker threads of a cancelled run must not keep the process alive.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(2)


class _Stopped(BaseException):
    """Ctrl-C or a termination request; the option parser would eat a ``KeyboardInterrupt``."""


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped


def _run() -> int:
    from facegen.cli import app

    return app(standalone_mode=False) or 0


def _show_every_name() -> None:
    """Names that a console or pipe cannot write (Windows: not UTF-8) are shown escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Console entry point. Expected failures print one line and exit with code 2."""
    _show_every_name()
    # Spinning OpenMP threads make shared machines up to twenty times slower; must precede torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    # The fitter's matrices are small: a second BLAS thread costs more than it brings.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _stop)
    try:
        code = _run()
    except FacegenError as error:
        _fail(str(error))
    except _Stopped:
        _fail("stopped; the same command with --resume continues where it left off")
    except MemoryError:
        _fail("out of memory; try a smaller photo or --size")
    except BrokenPipeError:
        os._exit(0)
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename or 'file'}")
    except Exception as error:
        # The parser's complaints (unknown option, bad value) know how to speak for themselves.
        if not hasattr(error, "format_message"):
            raise
        _fail(error.format_message())
    sys.exit(code)


if __name__ == "__main__":
    main()
