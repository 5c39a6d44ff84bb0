"""A photo speaks: calm at first, then glad.

python examples/04_talk.py [OUT.mp4]
"""

import sys

from facegen import TalkConfig, TalkingHeadPipeline
from facegen.demo import PHOTO, VOICE

out = sys.argv[1] if len(sys.argv) > 1 else "talk.mp4"
pipe = TalkingHeadPipeline.from_pretrained("open")
config = TalkConfig(emotion="neutral@0s,happy:0.7@2.8s", gaze="natural", seed=1)
result = pipe(PHOTO, VOICE, config=config)
print(f"{len(result.motion)} frames at {result.motion.fps} fps ->", result.save(out))
