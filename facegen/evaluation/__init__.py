"""One pinned measure for reenactment and talking heads: metrics, protocols, baselines, report.

Every metric is a small class that names its version, range, direction, needs and training data;
clips are streamed, so that memory does not grow with their length.
"""

from facegen.evaluation.metric import (
    Comparison,
    Face,
    FrameMetric,
    Metric,
    MetricSpec,
    Pair,
    Scene,
    Score,
    SequenceMetric,
    Trace,
)

__all__ = [
    "Comparison",
    "Face",
    "FrameMetric",
    "Metric",
    "MetricSpec",
    "Pair",
    "Scene",
    "Score",
    "SequenceMetric",
    "Trace",
]
