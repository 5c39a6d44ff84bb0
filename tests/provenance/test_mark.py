"""The invisible mark: read after what happens to pictures, absent where nobody put it, unseen."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facegen.demo import PHOTO
from facegen.errors import UsageError
from facegen.media import VideoWriter, read_image, read_video
from facegen.provenance import detection
from facegen.provenance.detection import THRESHOLD, detect
from facegen.provenance.marker import Marker
from facegen.provenance.pattern import KEY, LAYERS, QUICK, SLOW, Layer, pattern_of, tile_of
from facegen.provenance.payload import KINDS, Payload

PAYLOAD = Payload("reenact", 0x3FA2)
Picture = np.ndarray


@pytest.fixture(scope="module")
def photo() -> Picture:
    return read_image(PHOTO).rgb


@pytest.fixture(scope="module")
def marked(photo: Picture) -> Picture:
    return Marker(photo.shape[1], photo.shape[0], PAYLOAD)(photo)


def jpeg(picture: Picture, quality: int) -> Picture:
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def half(picture: Picture) -> Picture:
    return cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def crop(picture: Picture, share: float = 0.8) -> Picture:
    h, w = picture.shape[:2]
    y, x = round(0.3 * (1 - share) * h), round(0.7 * (1 - share) * w)
    return np.ascontiguousarray(picture[y : y + round(share * h), x : x + round(share * w)])


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "nothing": lambda p: p,
    "jpeg 50": lambda p: jpeg(p, 50),
    "half": half,
    "half, jpeg 75": lambda p: jpeg(half(p), 75),
    "crop 80 %": crop,
    "crop 80 %, jpeg 60": lambda p: jpeg(crop(p), 60),
    "crop 80 %, back to size": lambda p: cv2.resize(crop(p), p.shape[1::-1]),
    "twice the size": lambda p: cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    "brighter": lambda p: np.clip(1.3 * p + 12, 0, 255).astype(np.uint8),
    "grey": lambda p: cv2.cvtColor(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "mirrored": lambda p: np.ascontiguousarray(p[:, ::-1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_mark_is_read_after(change: str, marked: Picture) -> None:
    found = detect([CHANGES[change](marked)])
    assert found.score > THRESHOLD + 0.5
    assert found.payload == PAYLOAD


def test_bins_that_stand_out_count_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where losses left little of the mark, weights find it more surely than phases alone."""
    grey = Marker(512, 512, PAYLOAD)(np.full((512, 512, 3), 128, np.uint8)).astype(np.float32)
    blurred = cv2.GaussianBlur(grey, (0, 0), 7)
    noise = np.random.default_rng(0).normal(0, 3, (512, 512, 1))
    evidence = detection.evidence_of(np.rint(blurred + noise).astype(np.uint8), SLOW)

    def score() -> float:
        return detection._try(detection._phases(evidence, 1.0), SLOW, KEY, 1.0, False).score

    weighed = score()
    monkeypatch.setattr(detection, "_MOST_WEIGHT", 1e-6)  # every bin alike
    assert weighed > score() + 0.3


def test_no_mark_where_nobody_put_one(photo: Picture) -> None:
    for change in ("nothing", "jpeg 50", "crop 80 %"):
        found = detect([CHANGES[change](photo)])
        assert found.score < THRESHOLD - 1.5
        assert found.payload is None


def test_another_key_finds_nothing(marked: Picture) -> None:
    assert not detect([marked], key=b"somebody else's").found


def test_two_marks_do_not_read_as_one_of_them_only_by_chance(photo: Picture) -> None:
    """A marked photo animated again carries the newer mark or none that is wrong."""
    size = photo.shape[1], photo.shape[0]
    twice = Marker(*size, Payload("talk", 7))(Marker(*size, PAYLOAD)(photo))
    assert detect([twice]).found


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_chance_of_a_false_alarm_is_what_theory_says(photo: Picture, layer: Layer) -> None:
    """At one place and size, over random keys, the score is a standard normal number's."""
    from facegen.provenance.detection import _phases, evidence_of

    spectrum = _phases(evidence_of(photo, layer), 1.0)
    scores = []
    for number in range(300):
        pattern = pattern_of.__wrapped__(layer, b"key %d" % number)
        terms = spectrum[tuple(pattern.anchor.T)] * pattern.anchor_phase.conj()
        scores.append(terms.real.sum() / np.sqrt((np.abs(terms) ** 2).sum() / 2))
    assert abs(np.mean(scores)) < 0.25
    assert 0.85 < np.std(scores) < 1.15


def test_mark_cannot_be_seen(photo: Picture, marked: Picture) -> None:
    change = marked.astype(float) - photo
    assert 10 * np.log10(255**2 / np.mean(change**2)) > 42
    assert np.abs(change).max() <= 10
    assert abs(change.mean()) < 0.1


def test_flat_and_dark_ground_gets_less(photo: Picture) -> None:
    def power(picture: Picture) -> float:
        shown = Marker(256, 256, PAYLOAD)(picture)
        return float((shown.astype(float) - picture).std())

    noise = np.random.default_rng(0).integers(96, 160, (256, 256, 3), np.uint8)
    grey, dark = (np.full((256, 256, 3), level, np.uint8) for level in (128, 16))
    assert power(dark) < power(grey) < power(noise)


def test_same_picture_same_mark(photo: Picture, marked: Picture) -> None:
    again = Marker(photo.shape[1], photo.shape[0], PAYLOAD)
    np.testing.assert_array_equal(again(photo), marked)


def test_pattern_never_changes() -> None:
    """Files marked today must be found by every later release."""
    for layer in (SLOW, QUICK):
        tile = tile_of(PAYLOAD, layer)
        assert tile.shape == (256, 256)
        np.testing.assert_allclose(tile[0, :4], GOLDEN[layer], atol=1e-4)
    assert KEY == b"facegen watermark 1"


GOLDEN = {
    SLOW: [0.24769, 0.20025, 0.04374, -0.20132],
    QUICK: [0.75608, 0.24825, -0.15988, -0.49868],
}


@given(st.sampled_from(KINDS), st.integers(0, 65535))
def test_payload_round_trip(kind: str, tag: int) -> None:
    payload = Payload(kind, tag)
    assert Payload.likest(likeness_of(payload.to_bytes())) == (payload, 4.0)


@given(st.sampled_from(KINDS), st.integers(0, 65535), st.integers(0, 3), st.integers(1, 255))
def test_one_misread_byte_is_put_right(kind: str, tag: int, place: int, error: int) -> None:
    """The other bytes outvote a wrong one that is only a little likelier."""
    payload = Payload(kind, tag)
    likeness = likeness_of(payload.to_bytes())
    likeness[place, payload.to_bytes()[place] ^ error] = 1.4
    assert Payload.likest(likeness)[0] == payload


def likeness_of(data: bytes) -> np.ndarray:
    return np.eye(256)[list(data)]


def test_payload_out_of_range() -> None:
    with pytest.raises(UsageError):
        Payload("magic", 1)
    with pytest.raises(UsageError):
        Payload("talk", 1 << 16)


@pytest.mark.parametrize("shape", [(8, 8), (64, 2000), (40, 3000), (1000, 30)])
def test_odd_shapes_are_taken(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 128, np.uint8)
    assert Marker(shape[1], shape[0], PAYLOAD)(picture).shape == picture.shape
    assert not detect([picture]).found


@pytest.mark.slow
def test_video_after_strong_compression(photo: Picture, tmp_path: Path) -> None:
    marker = Marker(photo.shape[1], photo.shape[0], PAYLOAD)
    # This photo is busy all over, the hardest ground: CRF 28 is endured only at its whole size.
    cases = {"a.mp4": (lambda p: p, 28), "b.mp4": (half, 20), "c.mp4": (crop, 23)}
    for name, (change, crf) in cases.items():
        first = change(photo)
        size = first.shape[1] // 2 * 2, first.shape[0] // 2 * 2
        with VideoWriter(tmp_path / name, *size, Fraction(25), crf=crf) as writer:
            for shift in range(12):
                moved = photo.copy()
                moved[100:260, 160:330] = photo[100 + shift : 260 + shift, 160:330]
                frame = change(marker(moved))
                writer.write(np.ascontiguousarray(frame[: size[1], : size[0]]))
        found = detect(frame.rgb for frame in read_video(tmp_path / name))
        assert found.payload == PAYLOAD, (name, found)


@pytest.mark.slow
def test_unmarked_real_clips_say_no(dev_data: Path) -> None:
    clips = sorted((dev_data / "driving").glob("*.mp4"))[:4]
    assert clips
    for clip in clips:
        frames = (frame.rgb for frame in read_video(clip) if frame.index % 4 == 0)
        assert detect(frames, max_frames=6).score < THRESHOLD - 1.5
