"""Reenactment: the face of one photo, the motion and sound of a clip.

portrait = pipe.portray(photo)           # the photo and the head fitted to it
driver = pipe.follow(clip)               # motion of the clip
motion = pipe.transfer(portrait, driver) # that motion on the portrait's head
for frame in pipe.paint(portrait, motion): ...
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facegen import __version__
from facegen.assets import load_head
from facegen.compose import Reference
from facegen.emotion.driven import release_of, with_emotion
from facegen.emotion.track import EmotionTrack
from facegen.errors import UsageError
from facegen.faces import parse_face_choice
from facegen.flame.maps import ConditionMaps, render_maps
from facegen.flame.model import HeadModel
from facegen.interchange.read import converted, is_motion, open_motion
from facegen.media import Image, file_sha256, fingerprint, probe, read_image
from facegen.motion import Motion
from facegen.pipelines.config import ReenactConfig
from facegen.pipelines.fit import FittingPipeline
from facegen.pipelines.generators import DEFAULT, Generator, load_generator
from facegen.pipelines.magic_config import PublishedParts
from facegen.pipelines.render import SaveOptions, motion_cache, render
from facegen.posing import pose_frames
from facegen.provenance.statement import Statement
from facegen.tracking import track_image
from facegen.transfer.retarget import retarget

_TICK = 1e-6  # seconds


@dataclass(frozen=True, eq=False)
class Portrait:
    """A photo and the head fitted to it: ``photo.rgb (H, W, 3)``, ``fit`` of one frame."""

    photo: Image
    fit: Motion


class ReenactmentPipeline:
    """Photo and driver in, frames out.

    Args:
        head: the head model that carries the motion.
        generator: what paints the frames: a name (see :func:`load_generator`) or an object.

    Raises:
        UsageError, ModelFileError: no such generator, or its weights are absent.
    """

    def __init__(self, head: HeadModel, *, generator: Generator | str = DEFAULT) -> None:
        self.head = head
        self.painter = load_generator(generator) if isinstance(generator, str) else generator

    @property
    def generator(self) -> str:
        """Name of what paints the frames."""
        return self.painter.name

    @classmethod
    def from_pretrained(
        cls,
        name: Path | str = "open",
        *,
        generator: str | None = None,
        weights: Path | None = None,
        device: str = "auto",
        parts: PublishedParts | None = None,
    ) -> ReenactmentPipeline:
        """``open`` (embedded) or a folder written by :meth:`save_pretrained`.

        Args:
            generator, weights, device, parts: see :func:`load_generator`.
        """
        folder = Path(name)
        if not (folder / "model_index.json").is_file():
            painter = load_generator(
                generator or DEFAULT, weights=weights, device=device, parts=parts
            )
            return cls(load_head(str(name)), generator=painter)
        index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
        saved = str(index["generator"])
        chosen = generator or (str(folder / saved) if (folder / saved).is_dir() else saved)
        painter = load_generator(chosen, weights=weights, device=device, parts=parts)
        return cls(HeadModel.load(folder / index["head"]), generator=painter)

    def save_pretrained(self, folder: Path | str) -> None:
        """Write the pipeline's parts into a folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.head.save(folder / "head.npz")
        index = {
            "_class_name": type(self).__name__,
            "_facegen_version": __version__,
            "generator": self.painter.save(folder),
            "head": "head.npz",
        }
        (folder / "model_index.json").write_text(json.dumps(index, indent=2), encoding="utf-8")

    def __call__(
        self, ref: Path | str, drive: Path | str | Motion, *, config: ReenactConfig | None = None
    ) -> Reenactment:
        """Track the photo and the driver and carry the motion over; frames are painted on demand.

        Raises:
            FacegenError: a file cannot be used; the message names the remedy.
        """
        config = config or ReenactConfig()
        # What cannot be read is told before the photo is fitted.
        driver = None
        if isinstance(drive, Motion) or is_motion(drive):
            driver = self.follow(drive, config)
        else:
            probe(drive)
        portrait = self.portray(ref, config)
        if driver is None:
            driver = self.follow(drive, config)
        motion = self.transfer(portrait, driver, config)
        return Reenactment(self, portrait, motion, config, sound_of(drive))

    def write(
        self,
        target: Path | str,
        ref: Path | str,
        drive: Path | str,
        *,
        config: ReenactConfig | None = None,
        options: SaveOptions | None = None,
    ) -> Path:
        """From files to a file, resumable: what the command runs."""
        config, options = config or ReenactConfig(), options or SaveOptions()
        for source in (ref, drive):
            if Path(target).resolve() == Path(source).resolve():
                raise UsageError(f"{target} is an input; choose another name with -o")
        files = [path for path in (ref, drive) if Path(path).is_file()]
        settings = asdict(config) | {
            "generator": self.generator,
            "head": self.head.version,
            "drive": str(Path(drive).resolve()),
            "watermark": options.watermark,
            "facegen": __version__,
        }
        job = fingerprint(files, settings)
        cache = motion_cache(Path(target), job)

        def prepare() -> Reenactment:
            if not (options.resume and cache.is_file()):
                return self(ref, drive, config=config)
            portrait = self.portray(ref, config)
            return Reenactment(self, portrait, Motion.load(cache), config, sound_of(drive))

        return render(prepare, Path(target), options, job)

    def portray(self, ref: Path | str, config: ReenactConfig) -> Portrait:
        """Read the photo and fit the head to its face."""
        photo = read_image(ref, max_side=config.max_size)
        fit = track_image(photo.rgb, self.head, face=parse_face_choice(config.ref_face))
        return Portrait(photo, replace(fit, source_sha256=file_sha256(ref)))

    def follow(self, drive: Path | str | Motion, config: ReenactConfig) -> Motion:
        """The driver's motion: tracked from a video, or read.

        Raises:
            ModelFileError: no motion that is known, or of a head model that is not here.
        """
        if not isinstance(drive, Motion) and not is_motion(drive):
            return FittingPipeline(self.head)(drive, config=config).motion
        motion = drive if isinstance(drive, Motion) else open_motion(drive)
        if motion.basis != self.head.version:
            motion = converted(motion, self.head)
        return part_of(motion, config)

    def transfer(self, portrait: Portrait, driver: Motion, config: ReenactConfig) -> Motion:
        """The driver's motion on the portrait's head, in the photo's camera."""
        frame = config.reference_frame
        if frame != "auto" and int(frame) >= len(driver):
            raise UsageError(f"--reference-frame {frame}: the driver has {len(driver)} frames")
        feeling = EmotionTrack.parse(config.emotion)
        carried = retarget(
            driver,
            portrait.fit,
            self.head,
            mode=config.motion,  # type: ignore[arg-type]
            reference_frame="auto" if frame == "auto" else int(frame),
            expression_gain=config.expression_gain,
            only=config.only or None,
            keep_head=config.keep_head,
            max_yaw_deg=config.max_yaw_deg,
            release=release_of(feeling, driver.timestamps - driver.timestamps[0]),
        )
        return with_emotion(carried, self.head, feeling)

    def pose(self, motion: Motion) -> Iterator[NDArray[np.float32]]:
        """Vertices ``(V, 3)`` of every frame, camera space, metres."""
        return pose_frames(self.head, motion)

    def paint(
        self,
        portrait: Portrait,
        motion: Motion,
        *,
        config: ReenactConfig | None = None,
        start: int = 0,
        workers: int = 2,
    ) -> Iterator[NDArray[np.uint8]]:
        """Frames ``(H, W, 3)`` uint8 at the photo's own resolution, in order, streamed.

        Args:
            start: number of the motion's first frame in the whole clip.
        """
        config = config or ReenactConfig()
        reference = Reference.build(
            portrait.photo.rgb,
            portrait.fit,
            self.head,
            alpha=portrait.photo.alpha,
            window_size=self.painter.geometry_size(config),
        )
        yield from self.painter.paint(
            reference, portrait.fit.camera, self.pose(motion), config, start=start, workers=workers
        )


@dataclass(frozen=True, eq=False)
class Reenactment:
    """A prepared reenactment; iterate for frames or save it.

    Attributes:
        pipe, portrait, config: what it was made from.
        motion: the transferred motion, T frames.
        sound: file whose sound belongs to it, or None.
        task, consent: see ``Statement``.
    """

    pipe: ReenactmentPipeline
    portrait: Portrait
    motion: Motion
    config: ReenactConfig
    sound: Path | None
    task: str = "reenact"
    consent: str = ""

    def __len__(self) -> int:
        return len(self.motion)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return self.frames()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the frames: the photo's."""
        return self.portrait.photo.width, self.portrait.photo.height

    @property
    def statement(self) -> Statement:
        """How it is made, for whoever meets the file."""
        head, painter = self.pipe.head, self.pipe.painter
        parts = {f"head {head.version}": head.licence, f"generator {painter.name}": painter.licence}
        licences = tuple(f"{part}: {licence}" for part, licence in parts.items() if licence)
        return Statement(self.task, painter.name, licences, self.consent)

    def frames(self, start: int = 0, *, workers: int = 2) -> Iterator[NDArray[np.uint8]]:
        """Frames from number ``start`` on."""
        first = self.pipe.painter.begin(start, self.config)
        frames = self.pipe.paint(
            self.portrait, self.motion[first:], config=self.config, start=first, workers=workers
        )
        return islice(frames, start - first, None)

    @cached_property
    def _albedo(self) -> torch.Tensor | None:
        mean = self.pipe.head.albedo_mean
        return None if mean is None else torch.from_numpy(mean)

    def maps(self, start: int = 0) -> Iterator[ConditionMaps]:
        """Condition maps of every frame in the photo's camera, with flow into the photo."""
        from facegen.flame.flow import ReferenceGeometry

        pipe, fit = self.pipe, self.portrait.fit
        vertices = torch.from_numpy(next(pipe.pose(fit)))
        reference = ReferenceGeometry.build(pipe.head, vertices, fit.camera)
        for posed in pipe.pose(self.motion[start:]):
            yield render_maps(
                pipe.head,
                torch.from_numpy(posed)[None],
                fit.camera,
                albedo=self._albedo,
                reference=reference,
            )

    def save(self, target: Path | str, options: SaveOptions | None = None) -> Path:
        """Write ``.mp4``, ``.webm`` or a folder of PNG frames, with the driver's sound."""
        return render(lambda: self, Path(target), options or SaveOptions(), None)


def sound_of(drive: Path | str | Motion) -> Path | None:
    """The driver's file where it can carry sound."""
    if isinstance(drive, Motion) or not Path(drive).is_file() or is_motion(drive):
        return None
    return Path(drive)


def part_of(motion: Motion, config: ReenactConfig) -> Motion:
    """The frames between ``config.start`` and ``config.stop`` seconds, at most ``max_frames``.

    Raises:
        UsageError: there are none.
    """
    times = motion.timestamps - motion.timestamps[0] if len(motion) else motion.timestamps
    # Times are sums of rounded numbers: a frame at the border belongs where it is meant to.
    start, stop = (config.start or 0) - _TICK, (config.stop or float("inf")) - _TICK
    inside = np.flatnonzero((times >= start) & (times < stop))
    if len(inside) == 0:
        raise UsageError("the driver has no frames between --start and --stop")
    return motion[inside[0] : inside[-1] + 1][: config.max_frames]
