"""Networks that judge, one adapter each; their files are the user's.

A judge brings its own crop: the same picture and landmarks always give the same input.
"""

from facegen.evaluation.judges.folder import KNOWN, Judges, load_judges

__all__ = ["KNOWN", "Judges", "load_judges"]
