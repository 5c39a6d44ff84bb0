"""``facegen bench``: speed of every stage on this machine."""


def bench() -> None:
    """placeholder until the stages land"""
