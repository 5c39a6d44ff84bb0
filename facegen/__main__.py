"""``facegen`` / ``python -m facegen``: run the command, turn expected failures into one line."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from facegen.errors import FacegenError


def _fail(message: str) -> NoReturn:
    line = " ".join(str(message).split())
    # Programs without a console, and pipes whose reader is gone, take no words.
    with suppress(AttributeError, OSError, ValueError):
        if line:
            sys.stderr.write(f"facegen: {line}\n")
        sys.stderr.flush()
    with suppress(AttributeError, OSError, ValueError):
        sys.stdout.flush()
    # Worker threads of a cancelled run must not keep the process alive.
    os._exit(2)


class _Stopped(BaseException):
    """Ctrl-C or a termination request; the option parser would eat a ``KeyboardInterrupt``."""


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped


def _run() -> int:
    from facegen.cli import app
    from facegen.cli.guard import refuse_odd_files

    refuse_odd_files(sys.argv[1:])
    code = app(standalone_mode=False) or 0
    if sys.stdout is not None:  # a reader that is gone is noticed here, not at the very end
        sys.stdout.flush()
    return code


_MEMORY = "out of memory; close other programs, or try a smaller photo or --size"
_THREADS = "no more threads can be started; raise the limit with ulimit -u"
_FILES = "too many files are open; raise the limit with ulimit -n"
# How the libraries beneath say that something ran out; none has a class for it.
_SHORTAGES = {
    "can't allocate memory": _MEMORY,
    "cannot allocate memory": _MEMORY,
    "insufficient memory": _MEMORY,
    "bad_alloc": _MEMORY,
    "bad allocation": _MEMORY,
    "failed to map segment": _MEMORY,
    "can't start new thread": _THREADS,
    "too many open files": _FILES,
}


def _shortage(error: BaseException) -> str | None:
    """What the machine ran out of and what helps, if that is what an error means."""
    if isinstance(error, MemoryError):
        return _MEMORY
    text = str(error).lower()
    return next((fix for words, fix in _SHORTAGES.items() if words in text), None)


def _words(error: Exception) -> str:
    """One line for what nobody could foresee from the input alone; bugs are raised again."""
    if (short := _shortage(error)) is not None:
        return short
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename or 'file'}"
    # The parser's complaints (unknown option, bad value) know how to speak for themselves.
    if not hasattr(error, "format_message"):
        raise error
    return str(error.format_message())


def _speak_plainly() -> None:
    """Names that a console or pipe cannot write are shown escaped, not answered with a crash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Console entry point. Expected failures print one line and exit with code 2."""
    # Spinning OpenMP threads make shared machines up to twenty times slower; must precede torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    # The fitter's matrices are small: a second BLAS thread costs more than it brings.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _stop)
    _speak_plainly()
    try:
        code = _run()
    except FacegenError as error:
        _fail(str(error))
    except _Stopped:
        _fail("stopped; a command that knows --resume continues with it")
    except BrokenPipeError:
        os._exit(0)
    except Exception as error:
        _fail(_words(error))
    sys.exit(code)


if __name__ == "__main__":
    main()
