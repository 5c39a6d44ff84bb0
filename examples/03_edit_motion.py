"""Edit a motion before it is painted: half the expression, a slow nod, a wink.

python examples/03_edit_motion.py [OUT.mp4]
"""

import sys
from dataclasses import replace

import numpy as np

from facegen import Motion, ReenactmentPipeline
from facegen.demo import MOTION, PHOTO

out = sys.argv[1] if len(sys.argv) > 1 else "edited.mp4"
motion = Motion.load(MOTION)[:50]
seconds = motion.timestamps - motion.timestamps[0]
expression = motion.expression * 0.5
wink = motion.expression_names.index("eyeBlinkLeft")
expression[:, wink] = np.exp(-(((seconds - 1.0) / 0.12) ** 2))  # a bell around 1 s
neck = motion.neck_pose.copy()
neck[:, 0] += 0.1 * np.sin(2 * np.pi * seconds / 2)  # radians about x: a nod every 2 s
edited = replace(motion, expression=expression.astype(np.float32), neck_pose=neck)
pipe = ReenactmentPipeline.from_pretrained("open")
print(pipe(PHOTO, edited).save(out))
