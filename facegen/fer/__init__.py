"""Facial expression recognition: labelled sets, training, metrics and experiments.

Light to import; torch and pandas load with first use.
"""

from facegen.fer.dataset import FerDataset, FerSample
from facegen.fer.registry import dataset_kinds, open_fer_dataset

__all__ = ["FerDataset", "FerSample", "dataset_kinds", "open_fer_dataset"]
