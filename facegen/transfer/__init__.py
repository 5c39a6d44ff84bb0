"""A motion carried to another face: the driver's motion, the reference's identity."""

from facegen.transfer.retarget import retarget

__all__ = ["retarget"]
