"""Recognition: pictures or a video in, a table of every face's expression out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from facegen.errors import ModelFileError, UsageError
from facegen.media import (
    atomic_path,
    fingerprint,
    is_still,
    open_writer,
    probe,
    read_image,
    read_video,
    side_folder,
    write_image,
)
from facegen.media.atomic import check_outputs
from facegen.media.lock import TargetLock
from facegen.media.stills import find_sequence
from facegen.networks.precision import pick_device
from facegen.parallel import prefetch
from facegen.progress import progress, progress_bar
from facegen.recognizer import columns as col
from facegen.recognizer.base import FaceRecognizer, Pictures
from facegen.recognizer.drawing import draw_faces, plot_curves
from facegen.recognizer.frame import STYLES, FaceFrame, face_frame, pd
from facegen.recognizer.opening import open_recognizer
from facegen.recognizer.predict import columns_of, recognize
from facegen.recognizer.row_log import RowLog
from facegen.recognizer.sights import look, pictures_of
from facegen.recognizer.table_styles import styled

HEADS: dict[str, Callable[[str], bool]] = {
    "emotion": lambda name: name in col.EMOTIONS,
    "va": lambda name: name in col.AFFECT,
    "au": lambda name: col.is_unit(name) or col.is_intensity(name),
    "blendshapes": lambda name: name in col.BLENDSHAPES,
    "pose": lambda name: name in col.POSE,
    "unknown": lambda name: name == "unknown",
}


@dataclass(frozen=True)
class RecognizeOptions:
    """How a table is written.

    Attributes:
        style: of the columns, one of ``facegen, pyfeat, openface2``.
        heads: what is told, of ``HEADS``; empty for everything.
        plot: picture of the curves. overlay: the input with what was recognised drawn on it.
        resume: go on with what an interrupted run of the same job left.
        batch_size: faces at once. device: where networks run.
        max_frames: no more pictures than these.
    """

    style: str = "facegen"
    heads: tuple[str, ...] = ()
    plot: Path | None = None
    overlay: Path | None = None
    resume: bool = False
    batch_size: int = 32
    device: str = "cpu"
    max_frames: int | None = None

    def validate(self) -> None:
        """Check what types cannot.

        Raises:
            UsageError: a value outside its choices. MediaError: a target cannot be written.
        """
        if self.style not in STYLES:
            raise UsageError(f"--style {self.style}: choose from {', '.join(STYLES)}")
        for name in self.heads:
            if name not in HEADS:
                raise UsageError(f"--heads {name}: choose from {', '.join(HEADS)}")
        if self.plot is not None and self.plot.suffix.lower() not in (".png", ".svg", ".pdf"):
            raise UsageError(f"--plot {self.plot}: give a .png, .svg or .pdf")
        check_outputs(self.plot, self.overlay)


class RecognitionPipeline:
    """Finds every face, follows it through a video, and tells its expression.

    Args:
        recognizers: asked in order; the first that tells a column decides it.
    """

    def __init__(self, *recognizers: FaceRecognizer) -> None:
        if not recognizers:
            raise UsageError("give at least one recognizer")
        self.recognizers = recognizers

    @classmethod
    def from_pretrained(cls, name: str | None = None) -> RecognitionPipeline:
        """Recognizers by name or folder, several joined by ``+``: ``fer+fit``.

        Without a name: the embedded network, and the fit where there is none or for what it does
        not tell.
        """
        if name is not None:
            return cls(*(open_recognizer(part) for part in name.split("+")))
        try:
            return cls(open_recognizer("open"), open_recognizer("fit"))
        except ModelFileError:
            return cls(open_recognizer("fit"))

    def licences(self) -> list[str]:
        """A line per recognizer: whose weights run and what they learned from."""
        return [recognizer.spec.licence_line() for recognizer in self.recognizers]

    def __call__(self, source: Pictures, *, batch_size: int = 32, device: str = "cpu") -> FaceFrame:
        """The table of a source; for long videos :meth:`write` needs less memory.

        Raises:
            MediaError: a file cannot be read. UsageError: not a source.
        """
        seen = look(pictures_of(source))
        rows = recognize(self.recognizers, seen, batch_size=batch_size, device=device)
        return face_frame(list(rows))

    def write(
        self, target: Path, source: Path, options: RecognizeOptions | None = None
    ) -> tuple[int, int]:
        """Write the table of one video, picture or folder of pictures.

        Returns:
            Pictures looked at, and faces found in them.

        Raises:
            MediaError, UsageError: with the remedy in the message; nothing is half written.
        """
        options = options or RecognizeOptions()
        options.validate()
        pick_device(options.device)
        check_outputs(target, options.plot, options.overlay, inputs=[source])
        # Refuses what is no picture or video before anything is made.
        known = [n for n in (_count(source), options.max_frames) if n is not None]
        lock = TargetLock(side_folder(target))
        lock.acquire()
        try:
            log = self._log(target, source, options)
            try:
                self._look(log, source, options, min(known, default=None))
                counts = self._table(log, target, options)
                if options.plot is not None:
                    plot_curves(options.plot, log.chunks())
                if options.overlay is not None:
                    write_overlay(options.overlay, source, log, options.max_frames)
            except BaseException:
                log.leave()
                raise
            log.close()
        finally:
            lock.release()
        return counts

    def _log(self, target: Path, source: Path, options: RecognizeOptions) -> RowLog:
        files = find_sequence(source)
        weights = [(r.spec.name, r.spec.version, r.spec.weights_sha256) for r in self.recognizers]
        facts = {"recognizers": weights, "max_frames": options.max_frames}
        job = fingerprint(files.files if files else [source], facts)
        columns = columns_of([recognizer.spec for recognizer in self.recognizers])
        return RowLog(side_folder(target), columns, job, resume=options.resume)

    def _look(
        self, log: RowLog, source: Path, options: RecognizeOptions, count: int | None
    ) -> None:
        """Rows of every picture that the log does not hold."""
        most = None if options.max_frames is None else max(0, options.max_frames - log.done)
        pictures = islice(pictures_of(source, skip=log.done), most)
        known = last_places(log) if log.done else []
        with progress_bar(count, "recognizing", done=log.done) as advance:
            rows = recognize(
                self.recognizers,
                look(prefetch(pictures), known=known),
                batch_size=options.batch_size,
                device=pick_device(options.device),
                passed=lambda seen: advance(),
                flush=log.append,
            )
            for _ in rows:
                pass

    def _table(self, log: RowLog, target: Path, options: RecognizeOptions) -> tuple[int, int]:
        frames, faces = 0, 0
        with atomic_path(target) as part, part.open("w", encoding="utf-8", newline="") as stream:
            for number, piece in enumerate(log.chunks()):
                frames += piece["frame"].nunique() if len(piece) else 0
                faces += int((piece["face_id"] >= 0).sum())
                table = styled(FaceFrame(_chosen(piece, options.heads)), options.style)
                table.to_csv(stream, index=False, header=number == 0, float_format="%.6g")
        return frames, faces


def _chosen(piece: FaceFrame, heads: Sequence[str]) -> pd.DataFrame:
    """The columns that the chosen heads tell, and those that no head tells."""
    if not heads:
        return piece
    told = {n for n in piece.columns if any(belongs(n) for belongs in HEADS.values())}
    wanted = {n for n in told if any(HEADS[head](n) for head in heads)}
    return piece[[n for n in piece.columns if n not in told or n in wanted]]


def _count(source: Path) -> int | None:
    sequence = find_sequence(source)
    return len(sequence.files) if sequence else probe(source).frame_count


def last_places(log: RowLog) -> list[tuple[int, float, float, float]]:
    """Number, centre and size of every face where a log last saw it."""
    places: dict[int, tuple[int, float, float, float]] = {}
    for piece in log.chunks():
        for row in piece[piece["face_id"] >= 0].to_dict("records"):
            half = row["face_width"] / 2, row["face_height"] / 2
            number, size = int(row["face_id"]), 2 * max(half)
            places[number] = (number, row["face_x"] + half[0], row["face_y"] + half[1], size)
    return list(places.values())


def write_overlay(target: Path, source: Path, log: RowLog, max_frames: int | None = None) -> Path:
    """The input with its faces' rows drawn over it: a picture for a photo, else a video with the
    input's sound.

    Raises:
        UsageError: the input is a folder of pictures. MediaError: it cannot be written.
    """
    rows = _by_frame(log)
    if is_still(source):
        write_image(target, draw_faces(read_image(source).rgb, next(rows, (0, []))[1]))
        return target
    if source.is_dir():
        raise UsageError("--overlay needs a video or one picture, not a folder of pictures")
    reader = read_video(source)
    size = (reader.info.width, reader.info.height)
    frame_rows = next(rows, None)
    with open_writer(target, *size, reader.info.fps, audio_from=source) as writer:
        shown = prefetch(islice(reader, max_frames))
        for frame in progress(shown, reader.info.frame_count, "overlay"):
            found: list[dict[str, Any]] = []
            if frame_rows is not None and frame_rows[0] == frame.index:
                found, frame_rows = frame_rows[1], next(rows, None)
            writer.write(draw_faces(frame.rgb, found), frame.exact_time)
    return target


def _by_frame(log: RowLog) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Rows of one frame after the other."""
    rows = (row for piece in log.chunks() for row in piece.to_dict("records"))
    for index, group in groupby(rows, key=lambda row: row["frame"]):
        yield int(index), list(group)
