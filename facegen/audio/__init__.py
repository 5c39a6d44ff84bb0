"""Sound as the networks hear it: decoding to 16 kHz, features, voice activity."""

from facegen.audio.activity import voice_activity
from facegen.audio.encoder import FRAME, AudioEncoder, FeatureStream, frame_count
from facegen.audio.logmel import LogMel, LogMelStream
from facegen.audio.speech import RATE, Speech, SpeechReader, load_speech

__all__ = [
    "FRAME",
    "RATE",
    "AudioEncoder",
    "FeatureStream",
    "LogMel",
    "LogMelStream",
    "Speech",
    "SpeechReader",
    "frame_count",
    "load_speech",
    "voice_activity",
]
