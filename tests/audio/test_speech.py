from fractions import Fraction

import av
import numpy as np
import pytest

from facegen.audio import RATE, SpeechReader, load_speech
from facegen.errors import MediaError
from tests.media.media_factory import click, make_sound, make_video


def tone(seconds: float, rate: int, hertz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def loudest(samples: np.ndarray) -> float:
    """Second at which the sound first comes near its peak."""
    return float(np.flatnonzero(np.abs(samples) > 0.4 * np.abs(samples).max())[0]) / RATE


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000, 192000])
def test_any_rate_becomes_16_khz_with_the_same_tone(tmp_path, rate):
    speech = load_speech(make_sound(tmp_path / "a.wav", tone(1.0, rate), rate=rate))
    assert speech.rate == RATE
    assert speech.samples.dtype == np.float32
    assert speech.duration == pytest.approx(1.0, abs=0.002)
    assert not speech.warnings
    middle = speech.samples[RATE // 4 : RATE // 4 + RATE // 2]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert spectrum.argmax() * 2 == 440
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def test_what_16_khz_cannot_hold_does_not_fold_back(tmp_path):
    high = tone(1.0, 48000, 9500.0)
    speech = load_speech(make_sound(tmp_path / "a.wav", high, rate=48000))
    assert np.abs(speech.samples[2000:-2000]).max() < 1e-3


@pytest.mark.parametrize(
    ("name", "codec"), [("a.wav", "pcm_s16le"), ("a.flac", "flac"), ("a.mp3", "libmp3lame")]
)
def test_the_click_stays_in_its_place(tmp_path, name, codec):
    wave = click(1.0, 0.5)
    speech = load_speech(make_sound(tmp_path / name, wave, codec))
    assert loudest(speech.samples) == pytest.approx(0.5, abs=0.003)


def test_sound_of_a_video_counts_from_its_first_picture(tmp_path):
    path = make_video(tmp_path / "a.mp4", frames=25, sound=click(1.0, 0.4))
    assert loudest(load_speech(path).samples) == pytest.approx(0.4, abs=0.003)


@pytest.mark.parametrize("shift", [-0.2, 0.3])
def test_sound_that_begins_before_or_after_the_picture(tmp_path, shift):
    path = tmp_path / "late.mkv"
    wave = click(1.0, 0.5, rate=16000)
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = out.add_stream("pcm_s16le", rate=16000, layout="mono")
        for i in range(25):
            frame = av.VideoFrame(64, 48, "yuv420p")
            frame.pts, frame.time_base = i + 25, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        data = (wave[None] * 32767).astype(np.int16)
        block = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
        block.sample_rate, block.time_base = 16000, Fraction(1, 16000)
        block.pts = round((1 + shift) * 16000)
        out.mux(audio.encode(block))
        out.mux(audio.encode(None))
    assert loudest(load_speech(path).samples) == pytest.approx(0.5 + shift, abs=0.003)


def test_stereo_is_mixed_down(tmp_path):
    path = tmp_path / "stereo.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_f32le", rate=16000, layout="stereo")
        pair = np.stack([np.full(16000, 0.4), np.full(16000, 0.2)], 1).reshape(1, -1)
        block = av.AudioFrame.from_ndarray(pair.astype(np.float32), format="flt", layout="stereo")
        block.sample_rate, block.pts = 16000, 0
        out.mux(stream.encode(block))
        out.mux(stream.encode(None))
    assert load_speech(path).samples[100:-100] == pytest.approx(0.3, abs=0.01)


def test_blocks_join_to_the_whole(tmp_path):
    path = make_sound(tmp_path / "a.wav", tone(2.3, 44100))
    blocks = list(SpeechReader(path, block=7000))
    assert {len(b) for b in blocks[:-1]} == {7000}
    assert 0 < len(blocks[-1]) <= 7000
    np.testing.assert_array_equal(np.concatenate(blocks), load_speech(path).samples)


def test_silence_and_clipping_are_told(tmp_path):
    silent = load_speech(make_sound(tmp_path / "s.wav", np.zeros(16000), rate=16000))
    assert "silent" in silent.warnings[0]
    square = np.sign(tone(1.0, 16000))
    loud = load_speech(make_sound(tmp_path / "c.wav", square, rate=16000))
    assert "clipped" in loud.warnings[0]
    assert np.abs(loud.samples).max() <= 1


def test_numbers_that_are_none_become_silence(tmp_path):
    wave = tone(1.0, 16000)
    wave[5000:5010] = np.nan
    speech = load_speech(make_sound(tmp_path / "n.wav", wave, "pcm_f32le", rate=16000))
    assert np.isfinite(speech.samples).all()
    assert "no numbers" in speech.warnings[0]


def test_bad_files_are_one_clear_line(tmp_path):
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    noise = tmp_path / "noise.wav"
    noise.write_bytes(np.random.default_rng(0).bytes(5000))
    mute = make_video(tmp_path / "mute.mp4")
    header = tmp_path / "header.wav"
    header.write_bytes(make_sound(tmp_path / "h.wav", np.zeros(9), rate=16000).read_bytes()[:-18])
    for path, words in (
        (tmp_path / "none.wav", "cannot read"),
        (empty, "is empty"),
        (noise, "damaged|not a media file"),
        (mute, "video without sound"),
        (header, "no sound in it"),
        (tmp_path, "is a folder"),
    ):
        with pytest.raises(MediaError, match=words) as caught:
            load_speech(path)
        assert "\n" not in str(caught.value)


def test_a_file_cut_off_midway_gives_what_there_is(tmp_path):
    whole = make_sound(tmp_path / "a.flac", tone(4.0, 16000), "flac", rate=16000).read_bytes()
    cut = tmp_path / "cut.flac"
    cut.write_bytes(whole[: len(whole) // 2])
    speech = load_speech(cut)
    assert 0.5 < speech.duration < 4


def test_a_long_recording_takes_no_more_memory(tmp_path):
    import tracemalloc

    path = make_sound(tmp_path / "long.wav", np.tile(tone(6.0, 8000), 100), rate=8000)
    tracemalloc.start()
    total = sum(len(block) for block in SpeechReader(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == pytest.approx(10 * 60 * RATE, rel=1e-4)
    assert peak < 15e6, "the whole would take 38 MB"
