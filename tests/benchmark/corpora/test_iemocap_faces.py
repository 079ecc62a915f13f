"""The faces of IEMOCAP: excerpts of dialogues with two people side by side, on small films made in its layout."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serbench.benchmark.checks.faces import sheet
from serbench.benchmark.corpora.excerpt import Excerpt
from serbench.benchmark.corpora.registry import read
from serbench.benchmark.prepared.modalities import _without, excerpts
from serbench.benchmark.prepared.video import SIDE, View, pictures
from serbench.errors import InputError
from serbench.tests.benchmark.corpora.test_dialogue_corpora import iemocap
from serbench.tests.support.tiny import serbench

FPS, SECONDS, WIDTH, HEIGHT = 15, 12, 96, 48


def tone(second: int, right: bool) -> int:
    """Of a half during a second: both halves and all seconds differ."""
    return 20 + 9 * second + (120 if right else 0)


def film(path: Path) -> Path:
    """A dialogue in two halves, each of one tone that changes every second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = WIDTH, HEIGHT, "yuv420p", 4_000_000
        for k in range(FPS * SECONDS):
            image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
            image[:, : WIDTH // 2], image[:, WIDTH // 2 :] = tone(k // FPS, False), tone(k // FPS, True)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One session with films of its first two dialogues: the F and the M wears the markers."""
    folder = iemocap(tmp_path_factory.mktemp("iemocap"), 1)
    film(folder / "Session1" / "dialog" / "avi" / "DivX" / "Ses01F_impro01.avi")
    film(folder / "Session1" / "dialog" / "avi" / "DivX" / "Ses01M_impro05a.avi")
    return folder


@given(
    st.builds(
        Excerpt,
        st.text(st.characters(blacklist_characters="#\x00", blacklist_categories=["Cs"]), min_size=1)
        .filter(lambda name: Path(name).parts and "\n" not in name and "\r" not in name)
        .map(Path),
        st.floats(0, 5_000).map(lambda x: round(x, 4)),
        st.none(),
        st.sampled_from(["", "left", "right"]),
    ),
    st.integers(1, 1_000),
)
def test_an_excerpt_is_its_text(part: Excerpt, length: int) -> None:
    for each in (part, replace(part, end=round(part.start + length, 4))):
        assert Excerpt.of(str(each)) == each


@pytest.mark.parametrize("text", ["a.avi#t=3,2", "a.avi#t=2,2", "a.avi#half=top", "a.avi#t=-1,2", "#t=1,2", ""])
def test_an_excerpt_that_is_none_is_named(text: str) -> None:
    with pytest.raises(InputError, match="video"):
        Excerpt.of(text)


@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [(0.0, 1.0, [0]), (2.0, 4.0, [2, 3]), (6.2901, 8.2357, [6, 7, 8]), (11.0, 20.0, [11])],
)
def test_pictures_are_of_the_time_and_half_of_the_turn(
    root: Path, start: float, end: float, seconds: list[int]
) -> None:
    path = root / "Session1" / "dialog" / "avi" / "DivX" / "Ses01F_impro01.avi"
    for half in ("left", "right"):
        part = Excerpt(path, start, end, half)
        images, times = pictures(part)
        assert images.shape[1:] == (SIDE, SIDE, 3)
        expected = [tone(int(start + k / 8), half == "right") for k in range(len(images))]
        assert np.abs(images.mean((1, 2, 3)) - expected).max() < 6
        assert len(images) == int(np.ceil(round(8 * (min(end, SECONDS) - start), 6)))
        assert sorted({int(start + t + 0.01) for t in times if t >= 0}) == seconds
        other, both = pictures(part, view="listener")[0], pictures(part, view="all")[0]
        assert (
            np.abs(other.mean((1, 2, 3)) - [tone(int(start + k / 8), half == "left") for k in range(len(other))]).max()
            < 6
        )
        assert both.shape[2] == 2 * SIDE


def test_the_speaker_is_on_the_side_of_who_wore_the_markers(root: Path) -> None:
    table = read("iemocap", root)[0]
    parts = {utterance.rpartition("/")[2]: part for utterance, part in excerpts(table).items()}
    assert (parts["Ses01F_impro01_F000"].half, parts["Ses01F_impro01_M001"].half) == ("left", "right")
    assert (parts["Ses01M_impro05a_F000"].half, parts["Ses01M_impro05a_M001"].half) == ("right", "left")
    assert (parts["Ses01F_impro01_F000"].start, parts["Ses01F_impro01_F000"].end) == (6.2901, 8.2357)
    without = {u.rpartition("/")[2] for u in _without("face", ("video",), table)}
    assert {name.rpartition("_")[0] for name in without} == {"Ses01F_script01_1b"}  # its film is not there


def test_a_turn_that_ends_before_it_starts_is_left_out_by_name(tmp_path: Path) -> None:
    folder = iemocap(tmp_path, 1)
    labels = folder / "Session1" / "dialog" / "EmoEvaluation" / "Ses01F_impro01.txt"
    labels.write_text(
        labels.read_text().replace("[6.2901 - 8.2357]\tSes01F_impro01_F000", "[8.3 - 8.2357]\tSes01F_impro01_F000")
    )
    table, notes = read("iemocap", folder)
    assert not table["id"].str.endswith("Ses01F_impro01_F000").any()
    assert "1 label lines are not understood and left out" in "\n".join(notes)


@pytest.mark.parametrize("view", ["speaker", "listener"])
def test_a_missing_film_is_an_error_of_one_line(tmp_path: Path, view: View) -> None:
    with pytest.raises(InputError, match=r"gone\.avi: its pictures cannot be read"):
        pictures(Excerpt(tmp_path / "gone.avi", 1.0, 2.0, "left"), view=view)


def test_a_sheet_shows_whom_it_takes(root: Path, tmp_path: Path) -> None:
    code, out, err = serbench("corpora", "check", f"iemocap={root}", "--faces", str(tmp_path / "faces.png"))
    assert code == 0 and "12 clips in" in out, err
    assert (tmp_path / "faces.png").stat().st_size > 10_000
    table = read("iemocap", root)[0]
    with pytest.raises(InputError, match="no clip has pictures"):
        sheet(table[table["dialogue"] == "Ses01F_script01_1b"], tmp_path / "none.png")
