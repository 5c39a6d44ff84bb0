"""Reenact the packaged photo with the packaged motion: the whole library in four lines.

python examples/00_reenact.py [OUT.mp4]
"""

import sys

from facegen import ReenactmentPipeline
from facegen.demo import MOTION, PHOTO

out = sys.argv[1] if len(sys.argv) > 1 else "hello.mp4"
pipe = ReenactmentPipeline.from_pretrained("open")
result = pipe(PHOTO, MOTION)
print(f"{len(result.motion)} frames at {result.motion.fps} fps ->", result.save(out))
