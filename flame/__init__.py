"""The head model alone: coefficients, skinning, landmarks, camera, fitting, rasteriser, maps, warp.

Knows nothing of video, audio or networks. See ``facegen/conventions.md`` for axes and units.
"""

if __name__ == "flame":
    raise ImportError("import facegen.flame, not flame: a second copy of every class would exist")
