"""Are synthetic faces worth anything to a recognizer of expressions?

python examples/experiments/what_synthetic_faces_teach.py \\
    --real muxspace:PATH --synthetic synthetic:PATH --out runs/worth

Students with the same number of updates learn from real faces, from synthetic ones, and from both;
all are tested on real people who are in nobody's training. Stopped, the same command goes on; the
table so far is OUT/table.md. `--quick` is a small version: one seed, 20 and 50 real faces a class.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from facegen.fer import open_fer_dataset
from facegen.fer.experiment import UNITS, Design, Experiment, class_source
from facegen.fer.experiment_report import markdown
from facegen.fer.relabel import relabelled
from facegen.fer.source import make_source
from facegen.recognizer import open_recognizer

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--real", required=True, help="labelled real faces, KIND:PATH")
parser.add_argument("--synthetic", required=True, help="labelled synthetic faces, KIND:PATH")
parser.add_argument("--out", type=Path, required=True, help="folder of results")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--steps", type=int, default=600, help="updates of every student")
parser.add_argument("--relabel", help="recognizer whose opinion is mixed into synthetic labels")
parser.add_argument("--quick", action="store_true")
given = parser.parse_args()

design = Design(seeds=given.seeds, steps=given.steps)
if given.quick:
    design = replace(design, seeds=1, reals=(20, 50), ratios=(1.0,))
real, whole = (
    make_source(open_fer_dataset(name), UNITS, cache=given.out / "faces")
    for name in (given.real, given.synthetic)
)
if given.relabel:
    whole = relabelled(whole, open_recognizer(given.relabel))
real, synthetic = (class_source(source, design.classes) for source in (real, whole))
experiment = Experiment(real, synthetic, design, given.out, whole)
for cell, number, count in experiment.run():
    print(f"{number}/{count} {cell.name}", flush=True)
    (given.out / "table.md").write_text(markdown(experiment), encoding="utf-8")
print(markdown(experiment))
