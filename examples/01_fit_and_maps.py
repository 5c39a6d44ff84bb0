"""Fit the head to a photo and look at the maps that condition a generator.

python examples/01_fit_and_maps.py [OUT.png]
"""

import sys

import torch

import facegen
from facegen.demo import PHOTO
from facegen.flame.skinning import HeadLayer
from facegen.media import read_image, write_image
from facegen.media.sheet import contact_sheet

out = sys.argv[1] if len(sys.argv) > 1 else "maps.png"
photo = read_image(PHOTO).rgb  # (H, W, 3) uint8
fit = facegen.fit(PHOTO).motion  # one frame: betas (S,), expression (1, E), neck_pose (1, 3), ...
head = facegen.load_head("open")
layer = HeadLayer(head)
vertices = layer(**fit.tensors()).vertices  # (1, V, 3) metres, camera space
maps = facegen.render_maps(head, vertices, fit.camera)
names = ("depth", "normal", "render", "regions")
pictures = [photo, *(maps.picture(name) for name in names)]
write_image(out, contact_sheet(pictures, columns=5, labels=["photo", *names]))
strongest = torch.tensor(fit.expression[0]).topk(3)
for value, index in zip(strongest.values, strongest.indices, strict=True):
    print(f"{fit.expression_names[index]:24s} {value:.2f}")
