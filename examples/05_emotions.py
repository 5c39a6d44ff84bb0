"""One word, seven emotions, three intensities.

python examples/05_emotions.py [OUT.png]
"""

import sys

from facegen import TalkConfig, TalkingHeadPipeline
from facegen.demo import PHOTO, VOICE
from facegen.emotion import EMOTIONS
from facegen.media import write_image
from facegen.media.sheet import contact_sheet

out = sys.argv[1] if len(sys.argv) > 1 else "emotions.png"
moment = 55  # frame: "do", 2.2 s into the voice
pipe = TalkingHeadPipeline.from_pretrained("open")
portrait = pipe.portray(PHOTO, TalkConfig())
pictures, labels = [], []
for emotion in EMOTIONS[1:]:
    for intensity in (0.3, 0.6, 0.9):
        config = TalkConfig(emotion=f"{emotion}:{intensity}", blink_rate=0)
        motion = pipe.act(portrait, VOICE, config=config)
        (frame,) = pipe.painter.paint(portrait, motion[moment : moment + 1])  # (H, W, 3) uint8
        pictures.append(frame[0:300, 70:370])  # the face of this photo
        labels.append(f"{emotion} {intensity}")
write_image(out, contact_sheet(pictures, columns=6, labels=labels))
