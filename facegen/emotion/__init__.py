"""Feelings as data: facial actions per emotion, time tracks, styling of motion."""

from facegen.emotion.labels import EMOTIONS
from facegen.emotion.styling import style
from facegen.emotion.track import EmotionTrack

__all__ = ["EMOTIONS", "EmotionTrack", "style"]
