"""What the store keeps of a clip: nothing is limited, nothing faint is lost, the error has a bound."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from serbench.benchmark.audio.decode import decode
from serbench.benchmark.prepared.clip_words import fault_of
from serbench.benchmark.prepared.clips import ClipSource, is_silent, make, quantize, restore
from serbench.tests.support.audio_files import RATE, tone


def test_floats_beyond_full_scale_survive(tmp_path: Path) -> None:
    loud = tone(amplitude=3.0)
    soundfile.write(tmp_path / "loud.wav", loud, RATE, subtype="FLOAT")
    decoded = decode(tmp_path / "loud.wav")
    np.testing.assert_array_equal(decoded.samples[0], loud)
    assert decoded.clipped == 0
    clip = make(ClipSource("c/loud", "c", str(tmp_path / "loud.wav"), RATE))
    np.testing.assert_allclose(restore(clip.pcm, clip.scale), loud, atol=1.001 * clip.scale / 2)


floats = st.floats(-8, 8, width=32, allow_subnormal=False)


@given(hnp.arrays(np.float32, st.integers(1, 200), elements=floats), st.sampled_from([1.0, 1e-6, 1e-20, 1e6]))
@settings(max_examples=200, deadline=None)
def test_store_errs_by_half_a_step_at_most(samples: np.ndarray, gain: float) -> None:
    samples = (samples * np.float32(gain)).astype(np.float32)
    if is_silent(samples):
        return
    codes, scale = quantize(samples)
    assert codes.dtype == np.int16
    error = np.abs(restore(codes, scale).astype(np.float64) - samples).max()
    assert error <= scale / 2 * 1.01  # the last hundredth: rounding of float32
    peak = np.abs(samples).max()
    assert scale <= max(peak / 32767 * 1.0001, 2**-15)


@given(hnp.arrays(np.int16, st.integers(1, 200)))
def test_sixteen_bit_audio_is_kept_exactly(codes: np.ndarray) -> None:
    samples = codes.astype(np.float32) / 32768
    stored, scale = quantize(samples)
    np.testing.assert_array_equal(stored, codes)
    np.testing.assert_array_equal(restore(stored, scale), samples)


def test_near_silence_keeps_all_levels(tmp_path: Path) -> None:
    faint = tone(amplitude=1e-6)
    soundfile.write(tmp_path / "faint.wav", faint, RATE, subtype="FLOAT")
    clip = make(ClipSource("c/faint", "c", str(tmp_path / "faint.wav"), RATE))
    assert clip.problem == ""
    assert int(np.abs(clip.pcm).max()) == 32767
    np.testing.assert_allclose(restore(clip.pcm, clip.scale), faint, atol=1e-6 / 32767)


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_a_constant_is_silence(tmp_path: Path, value: float) -> None:
    soundfile.write(tmp_path / "dc.wav", np.full(4000, value), RATE)
    assert make(ClipSource("c/dc", "c", str(tmp_path / "dc.wav"), 8000)).problem == "silent"


def test_channels_that_cancel_are_no_silence(tmp_path: Path) -> None:
    """One channel is the other inverted, also where a lossy copy or dither left a rest of both."""
    rest = 1e-4 * np.random.default_rng(0).standard_normal(len(tone()))
    for name, right, problem in (
        ("turned", -tone(), "cancelled"), ("nearly", -tone() + rest, "cancelled"), ("half", np.zeros_like(tone()), ""),
        ("stereo", tone(hz=300), ""), ("against", -0.9 * tone(), ""),
    ):  # fmt: skip
        soundfile.write(tmp_path / f"{name}.wav", np.stack([tone(), right], axis=1), RATE)
        clip = make(ClipSource("c/x", "c", str(tmp_path / f"{name}.wav"), RATE))
        assert clip.problem == problem, name
        assert problem in ("", "cancelled") and ("cancel each other" in fault_of(clip, "x", RATE)) == bool(problem)
    soundfile.write(tmp_path / "none.wav", np.zeros((800, 2)), RATE)
    assert make(ClipSource("c/x", "c", str(tmp_path / "none.wav"), RATE)).problem == "silent"


def test_a_silent_first_track_is_said(tmp_path: Path) -> None:
    path = tmp_path / "two.mka"
    with av.open(str(path), "w") as container:
        tracks = [container.add_stream("pcm_s16le", rate=RATE, layout="mono") for _ in range(2)]
        for track, samples in zip(tracks, (np.zeros_like(tone()), tone()), strict=True):
            frame = av.AudioFrame.from_ndarray((32767 * samples).astype(np.int16)[None], format="s16", layout="mono")
            frame.sample_rate = RATE
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    assert make(ClipSource("c/x", "c", str(path), RATE)).problem == "other track"


def test_a_clip_shorter_than_a_sample(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "one.wav", np.array([0.5, 0.1]), 192_000)
    assert make(ClipSource("c/one", "c", str(tmp_path / "one.wav"), 8000)).problem == "short"
