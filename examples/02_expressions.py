"""Render the open head with some of its 52 ARKit expressions.

python examples/02_expressions.py [OUT.png]
"""

import sys

import torch

import facegen
from facegen.flame.camera import Camera
from facegen.flame.skinning import HeadLayer
from facegen.media import write_image
from facegen.media.sheet import contact_sheet

out = sys.argv[1] if len(sys.argv) > 1 else "expressions.png"
names = (
    "mouthSmileLeft",
    "browInnerUp",
    "eyeBlinkRight",
    "mouthPucker",
    "cheekPuff",
    "mouthFunnel",
)
head = facegen.load_head("open")
expression = torch.zeros(len(names), head.n_expression)
for row, name in enumerate(names):
    expression[row, head.expression_index(name)] = 1
camera = Camera.from_fov(320, 320)
vertices = HeadLayer(head)(
    expression=expression, transl=torch.tensor([[0.0, -0.05, -1.1]])
).vertices  # (6, V, 3)
albedo = None if head.albedo_mean is None else torch.as_tensor(head.albedo_mean)
maps = facegen.render_maps(head, vertices, camera, albedo=albedo)
pictures = [maps.picture("render", i) for i in range(len(names))]  # (320, 320, 3) uint8
write_image(out, contact_sheet(pictures, columns=6, labels=names))
