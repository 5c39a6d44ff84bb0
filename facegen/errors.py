"""Errors a user can act on. The command prints the message in one line and exits with code 2."""


class FacegenError(Exception):
    """Base of every expected failure; the message names what is wrong and what to do about it."""


class MediaError(FacegenError):
    """A file cannot be read or written: missing, empty, corrupt, no such stream, disk full."""


class FaceNotFoundError(FacegenError):
    """No face where one is needed."""


class ModelFileError(FacegenError):
    """A head model, motion or weight file has the wrong layout, version or hash."""


class MissingExtraError(FacegenError):
    """An optional dependency is needed; the message carries the pip command that adds it."""


class UsageError(FacegenError):
    """Arguments that do not fit together."""
