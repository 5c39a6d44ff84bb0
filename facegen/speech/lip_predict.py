"""Speech in, moving lips out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from facegen.audio import FRAME, AudioEncoder, LogMel, voice_activity
from facegen.errors import UsageError
from facegen.speech.closure import close_lips
from facegen.speech.lip_features import check_features
from facegen.speech.lip_names import arkit_names, both_sides
from facegen.speech.lip_net import LipNet, LipOutput, LipStream
from facegen.speech.lip_track import ARRAYS, RATE, LipTrack
from facegen.speech.lip_weights import open_lip_net

_BLOCK = 30 * 16_000
# The mouth opens before the voice does and closes after it.
_AROUND_SPEECH = int(0.35 * RATE)
_FADE = int(0.1 * RATE)
# From the first value of P(speech) on the mouth begins to move, from the second freely.
_QUIET, _SPOKEN = 0.1, 0.4
# The network takes loud steady noise for s and f; the voice detector does not. It is unsure of
# speech in noise, so little of it is enough.
_NO_VOICE, _VOICE = 0.03, 0.2
_SURE, _USUAL_LEVEL, _MOST_BOOST = 0.5, 0.06, 100.0
# Lips meet where a bilabial is so many times as likely as any other sound: chosen on held voices,
# nine of ten closures are met while four of five met are right.
_DOUBT = 1.25
GAINS = (0.0, 4.0)


def predict_lips(
    samples: NDArray[np.float32] | Iterable[NDArray[np.float32]],
    *,
    gain: float = 1.0,
    net: LipNet | None = None,
    encoder: AudioEncoder | None = None,
) -> LipTrack:
    """Mouth curves of speech at 50 frames per second, in step with the sound.

    Works through the sound in pieces: memory grows only with the curves (5 kB per second).
    Silence, noise and music leave the mouth at rest. Lips meet on p, b and m.

    Args:
        samples: ``(N,)`` float32 in -1..1, 16 kHz mono; or such blocks in order.
        gain: articulation: 1 as the average training speaker, 0 a still mouth, at most 4. See
            ``estimate_gain`` for one particular speaker.
        net: another network than the embedded one.
        encoder: whose features the network reads, see ``lip_features``; log-mel by default.

    Returns:
        ``ceil(N / 320)`` frames.

    Raises:
        UsageError: gain out of range.
        ModelFileError: the network reads features of an encoder that is not at hand.
    """
    if not GAINS[0] <= gain <= GAINS[1]:
        raise UsageError(f"articulation gain {gain}: give one between {GAINS[0]} and {GAINS[1]}")
    net = net or open_lip_net()
    heard: list[NDArray[np.float32]] = []

    def listening() -> Iterator[NDArray[np.float32]]:
        boost = 1.0
        for block in _blocks([samples] if isinstance(samples, np.ndarray) else samples):
            heard.append(voice_activity(block))
            # Set by the first block with a voice: the network must not hear it change.
            boost = boost if boost > 1 else _boost(block, heard[-1])
            yield block * np.float32(boost)

    pieces = [
        (_track(output, net), _rival(output, net))
        for output in run_lip_net(listening(), net, encoder)
    ]
    curves, closure, bilabial, speech = (
        np.concatenate([getattr(track, name) for track, _ in pieces]) for name in ARRAYS
    )
    rival = np.concatenate([other for _, other in pieces])
    names = arkit_names(net.config.curves)
    voice = np.concatenate([np.zeros(0, np.float32), *heard])
    speech = speech * np.clip((talking(voice) - _NO_VOICE) / (_VOICE - _NO_VOICE), 0, 1)
    joined = LipTrack(names, curves, _steady(closure), _against(bilabial, rival), speech)
    return articulated(joined, gain)


@torch.inference_mode()
def run_lip_net(
    blocks: Iterable[NDArray[np.float32]], net: LipNet, encoder: AudioEncoder | None = None
) -> Iterator[LipOutput]:
    """The network's raw outputs, piece by piece; together ``ceil(N / 320)`` frames.

    Raises:
        ModelFileError: the network does not read the features of ``encoder`` (``LogMel``).
    """
    encoder = encoder or LogMel()
    check_features(net, encoder)
    sound, lips = encoder.stream(), LipStream(net)
    for block in blocks:
        yield lips.push(torch.from_numpy(sound.push(block))[None])
    yield lips.push(torch.from_numpy(sound.finish())[None])
    yield lips.flush()


def articulated(track: LipTrack, gain: float) -> LipTrack:
    """The track with its curves times ``gain``, still where nobody speaks, closed on bilabials."""
    moving = np.clip((talking(track.speech) - _QUIET) / (_SPOKEN - _QUIET), 0, 1)
    curves = np.clip(track.curves * (gain * moving)[:, None], 0, 1).astype(np.float32)
    closed = close_lips(curves, track.names, track.bilabial * moving)
    return LipTrack(track.names, closed, track.closure, track.bilabial, track.speech, track.rate)


def talking(speech: NDArray[np.float32]) -> NDArray[np.float32]:
    """P(speech) ``(T,)`` spread over the moments before and after it, without steps."""
    if not len(speech):
        return speech
    # One sure frame is no speech: a click or a note.
    steady = uniform_filter1d(speech, 5, mode="nearest")
    spread = maximum_filter1d(steady, 2 * _AROUND_SPEECH + 1)
    return uniform_filter1d(spread, 2 * _FADE + 1, mode="nearest")


def _steady(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without doubts of a single frame: no closure is that short."""
    return uniform_filter1d(probability, 3, mode="nearest") if len(probability) else probability


def _against(bilabial: NDArray[np.float32], rival: NDArray[np.float32]) -> NDArray[np.float32]:
    """How likely a bilabial is against the likeliest other sound, ``(T,)`` in 0..1.

    A voice unlike those of the training makes the network unsure of every sound; which one is the
    likeliest holds longer than how likely it is.
    """
    own, other = _steady(bilabial), _steady(rival)
    return own / (own + _DOUBT * other + np.float32(1e-9))


def _rival(output: LipOutput, net: LipNet) -> NDArray[np.float32]:
    """Probability ``(T,)`` of the likeliest sound that is no bilabial."""
    phones = output.phones[0].softmax(-1).numpy()
    return np.delete(phones, net.config.phones.index("PP"), 1).max(1)


def _boost(block: NDArray[np.float32], activity: NDArray[np.float32]) -> float:
    """Factor that brings a faint voice to the loudness the network learned from, else 1."""
    voiced = np.repeat(activity > _SURE, FRAME)[: len(block)]
    if not voiced.any():
        return 1.0
    level = float(np.sqrt(np.square(block[voiced], dtype=np.float64).mean()))
    return float(np.clip(_USUAL_LEVEL / max(level, 1e-9), 1.0, _MOST_BOOST))


def _blocks(pieces: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """The same sound in blocks of 30 s, so that how it came makes no difference."""
    rest = np.zeros(0, np.float32)
    for piece in pieces:
        rest = np.concatenate([rest, piece])
        whole = len(rest) // _BLOCK * _BLOCK
        yield from rest[:whole].reshape(-1, _BLOCK)
        rest = rest[whole:]
    if len(rest):
        yield rest


def _track(output: LipOutput, net: LipNet) -> LipTrack:
    phones = output.phones[0].softmax(-1).numpy()
    names = net.config.phones
    bilabial = phones[:, names.index("PP")]
    return LipTrack(
        arkit_names(net.config.curves),
        both_sides(output.curves[0].numpy(), net.config.curves),
        closure=np.minimum(bilabial + phones[:, names.index("FF")], 1),
        bilabial=bilabial,
        speech=np.asarray(1 - phones[:, names.index("sil")], np.float32),
    )
