"""Talking head: the face of one photo says a recording, and feels what it is told.

speech = pipe.speak(audio)               # lips, feeling, blinks, gaze, head: motion of a mean head
motion = pipe.act(portrait, audio)       # the same on the photo's own face
pipe(photo, audio).save("out.mp4")
"""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from facegen import __version__
from facegen.arkit import check_head
from facegen.audio import SpeechReader
from facegen.emotion.driven import release_of
from facegen.emotion.prototypes import factor
from facegen.emotion.track import EmotionTrack
from facegen.errors import UsageError
from facegen.flame.model import HeadModel
from facegen.flame.rotations import rotation_vector
from facegen.media import file_sha256, fingerprint, probe
from facegen.media.atomic import check_outputs
from facegen.motion import Motion
from facegen.pipelines.fit import FittingPipeline
from facegen.pipelines.reenact import Portrait, Reenactment, ReenactmentPipeline
from facegen.pipelines.render import SaveOptions, motion_cache, render
from facegen.pipelines.talk_config import TalkConfig
from facegen.speech.assemble import curves_of
from facegen.speech.performance import Manner, frame_times, perform
from facegen.speech.prosody import prosody
from facegen.speech.sway import settled
from facegen.tracking.head_frame import head_rotations
from facegen.transfer.neutral import neutral_frame
from facegen.transfer.retarget import retarget

if TYPE_CHECKING:
    from facegen.audio import AudioEncoder
    from facegen.speech.lip_net import LipNet

_LOG = logging.getLogger(__name__)
_TASTE = 16_000  # samples
_REST = 0  # frame of the driver that looks into the camera with a calm face
MOTION_FORMATS = (".npz", ".csv", ".glb")


class TalkingHeadPipeline:
    """Photo and voice in, frames out.

    Args:
        painter: paints the frames, with the head that carries the motion.

    Raises:
        ModelFileError: the head has no ARKit actions.
    """

    def __init__(self, painter: ReenactmentPipeline) -> None:
        check_head(painter.head)
        self.painter = painter

    @classmethod
    def from_pretrained(cls, name: Path | str = "open", **options: Any) -> TalkingHeadPipeline:
        """``open`` (embedded) or a folder of :meth:`ReenactmentPipeline.save_pretrained`."""
        return cls(ReenactmentPipeline.from_pretrained(name, **options))

    @property
    def head(self) -> HeadModel:
        """The head model of every motion."""
        return self.painter.head

    def __call__(
        self, ref: Path | str, audio: Path | str, *, config: TalkConfig | None = None
    ) -> Reenactment:
        """Fit the photo and find the motion; frames are painted on demand.

        Raises:
            FacegenError: a file cannot be used; the message names the remedy.
        """
        config = config or TalkConfig()
        config.validate()
        # What cannot be read is told before the photo is fitted.
        next(iter(SpeechReader(audio, block=_TASTE)))
        if config.clip is not None:
            probe(config.clip)
        portrait = self.portray(ref, config)
        return self._prepared(portrait, self.act(portrait, audio, config=config), audio, config)

    def portray(self, ref: Path | str, config: TalkConfig) -> Portrait:
        """Read the photo and fit the head to its face."""
        return self.painter.portray(ref, config.painting)

    def speak(self, audio: Path | str, *, config: TalkConfig | None = None) -> Motion:
        """The motion alone, of a mean head that looks into its camera.

        Raises:
            MediaError: no sound can be read. UsageError: a setting is no choice.
        """
        config = config or TalkConfig()
        config.validate()
        motion = self._perform(audio, self._feeling(audio, config), config, None)
        return replace(motion, source_sha256=file_sha256(audio))

    def act(
        self, portrait: Portrait, audio: Path | str, *, config: TalkConfig | None = None
    ) -> Motion:
        """The motion on a photo's face, in the photo's camera."""
        config = config or TalkConfig()
        config.validate()
        emotion = self._feeling(audio, config)
        motion = self._perform(audio, emotion, config, portrait.fit.betas)
        return self._on(portrait, motion, emotion, config)

    def write(
        self,
        target: Path | str,
        ref: Path | str,
        audio: Path | str,
        *,
        config: TalkConfig | None = None,
        options: SaveOptions | None = None,
    ) -> Path:
        """From files to a file, resumable: what the command runs."""
        config, options = config or TalkConfig(), options or SaveOptions()
        config.validate()
        lips = None if config.lips is None else Path(config.lips) / "lips.safetensors"
        sources = [Path(p) for p in (ref, audio, config.clip, lips) if p is not None]
        if Path(target).resolve() in [source.resolve() for source in sources]:
            raise UsageError(f"{target} is an input; choose another name with -o")
        settings = asdict(config) | {
            "task": "talk",
            "fps": str(config.fps),
            "watermark": options.watermark,
            "generator": self.painter.generator,
            "head": self.head.version,
            "facegen": __version__,
        }
        job = fingerprint([p for p in sources if p.is_file()], settings)
        cache = motion_cache(Path(target), job)

        def prepare() -> Reenactment:
            if not (options.resume and cache.is_file()):
                return self(ref, audio, config=config)
            portrait = self.portray(ref, config)
            return self._prepared(portrait, Motion.load(cache), audio, config)

        return render(prepare, Path(target), options, job)

    def write_motion(
        self,
        target: Path | str,
        audio: Path | str,
        ref: Path | str | None = None,
        *,
        config: TalkConfig | None = None,
    ) -> Path:
        """The motion as ``.motion.npz``, Live Link table (``.csv``) or animated head (``.glb``).

        Args:
            ref: photo whose face moves; a mean head without one.

        Raises:
            UsageError: another suffix. MediaError: the target cannot be written.
        """
        target = Path(target)
        if target.suffix not in MOTION_FORMATS:
            raise UsageError(
                f"--motion-only {target}: end it in .motion.npz, .livelink.csv or .glb"
            )
        check_outputs(target, inputs=[Path(p) for p in (audio, ref, config and config.clip) if p])
        if ref is None:
            motion = self.speak(audio, config=config)
        else:
            motion = self(ref, audio, config=config).motion
        if target.suffix == ".csv":
            from facegen.livelink import write_livelink

            return write_livelink(target, motion, self.head)
        if target.suffix == ".glb":
            from facegen.export import write_glb

            return write_glb(target, self.head, motion)
        motion.save(target)
        return target

    def _prepared(
        self, portrait: Portrait, motion: Motion, audio: Path | str, config: TalkConfig
    ) -> Reenactment:
        painting = config.painting
        return Reenactment(self.painter, portrait, motion, painting, Path(audio), task="talk")

    def _feeling(self, audio: Path | str, config: TalkConfig) -> EmotionTrack:
        track = EmotionTrack.parse(config.emotion)
        if not track.auto:
            return track
        from facegen.emotion.recognition import emotion_of_voice

        return emotion_of_voice(SpeechReader(audio, stop=config.seconds))

    def _perform(
        self,
        audio: Path | str,
        emotion: EmotionTrack,
        config: TalkConfig,
        betas: NDArray[np.float32] | None,
    ) -> Motion:
        """Motion of a head of identity ``betas`` that looks into its camera at rest.

        The sound goes by in blocks: memory grows with the motion only.
        """
        from facegen.speech.lip_predict import predict_lips

        sound = SpeechReader(audio, stop=config.seconds)
        net, encoder = _lip_net(config)
        lips = predict_lips(sound, gain=config.articulation, net=net, encoder=encoder)
        for warning in sound.warnings:
            _LOG.warning(warning)
        melody = prosody(sound)
        times = frame_times(melody.samples, config.fps)[: config.max_frames]
        turns, face = None, None
        if config.clip is not None:
            turns = self._borrowed(Path(config.clip), times)
        elif config.head_motion == "drawn":
            turns, face = _drawn(sound, melody.samples, emotion, config, times)
        manner = Manner(
            gaze=config.gaze, still=config.head_motion == "still", blink_rate=config.blink_rate,
            seed=config.seed, turns=turns, face=face,
        )  # fmt: skip
        return perform(lips, melody, emotion, self.head, config.fps, times, manner, betas=betas)

    def _borrowed(self, clip: Path, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Head turns ``(T, 3)`` of a clip away from its calm frame, there and back again."""
        motion = FittingPipeline(self.head)(clip).motion
        seen = head_rotations(motion)
        calm = seen[neutral_frame(motion).index]
        turns = rotation_vector(calm.T @ seen)
        own = motion.timestamps - motion.timestamps[0]
        length = max(float(own[-1]), 1e-9)
        place = length - np.abs(times % (2 * length) - length)
        return np.stack([np.interp(place, own, axis) for axis in turns.T], 1)

    def _on(
        self, portrait: Portrait, motion: Motion, emotion: EmotionTrack, config: TalkConfig
    ) -> Motion:
        """The motion carried to a photo's face, which starts from its own expression."""
        rest = _calm(motion)
        driver = replace(
            motion,
            **{
                name: np.concatenate([getattr(rest, name), getattr(motion, name)])
                for name in _PER_FRAME
            },
        )
        carried = retarget(
            driver,
            portrait.fit,
            self.head,
            mode="relative",
            reference_frame=_REST,
            max_yaw_deg=config.max_yaw_deg,
            release=np.concatenate([[0.0], release_of(emotion, motion.timestamps)]),
        )
        return carried[1:]


_PER_FRAME = (
    "expression", "global_orient", "neck_pose", "jaw_pose", "leye_pose", "reye_pose", "transl",
    "timestamps", "valid", "confidence",
)  # fmt: skip


def _lip_net(config: TalkConfig) -> tuple[LipNet | None, AudioEncoder | None]:
    """The user's network and what it listens with; None for the embedded one."""
    if config.lips is None:
        if config.audio_encoder is not None:
            raise UsageError("--audio-encoder is of lips trained on it; name them with --lips")
        return None, None
    from facegen.speech.lip_features import features_for
    from facegen.speech.lip_weights import load_lip_net

    net = load_lip_net(Path(config.lips))
    return net, features_for(net, config.audio_encoder)


def _drawn(
    sound: SpeechReader,
    length: int,
    emotion: EmotionTrack,
    config: TalkConfig,
    times: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Head turns ``(T, 3)`` and upper-face curves ``(T, 52)`` from the generative network."""
    from facegen.speech.head_channels import RATE
    from facegen.speech.head_sample import sample_head

    felt = emotion.at(np.arange(-(-length * RATE // 16_000)) / RATE)
    track = sample_head(sound, felt, seed=config.seed, rate=config.fps, length=length)
    strength = settled(times) * factor("head", emotion.at(times))
    return track.rotation * strength[:, None], curves_of(track.curves, track.names)


def _calm(motion: Motion) -> Motion:
    """One frame of the same head at rest, a frame earlier."""
    first = motion[:1]
    zero = {name: np.zeros_like(getattr(first, name)) for name in _PER_FRAME[:6]}
    return replace(first, timestamps=first.timestamps - float(1 / motion.fps), **zero)
