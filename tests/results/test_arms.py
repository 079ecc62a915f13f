import pytest

from serbench.results.evidence.arms import grid_of, levels_of, plain
from serbench.results.evidence.old_records import factors_of


def arms_of(*names):
    return {name: factors_of(name) for name in names}


def test_names_are_points_only_where_every_part_is_a_level():
    assert levels_of(factors_of("a=1 b=2.0")) == {"a": "1", "b": "2"}
    assert levels_of(factors_of("dilations=2,1")) == {"dilations": "2,1"}
    for name in ("base", "no-gru", "carried, by class", "a=1 b", "=1", "a="):
        assert factors_of(name) == {}


def test_equal_numbers_are_one_level():
    assert plain("1e-3") == plain(0.001) == plain("0.001") == "0.001"
    assert plain("-0.5") == "-0.5" and plain([1, 2.0]) == "1,2" and plain(False) == "false" and plain(None) == "None"


def test_base_is_a_point_where_its_settings_are_known():
    grid = grid_of(arms_of("base", "lr=1e-2", "lr=0.1"), {"lr": 0.001, "other": 3})
    assert grid.factors == {"lr": ("0.001", "0.01", "0.1")} and grid.points["base"] == {"lr": "0.001"}
    grid = grid_of(arms_of("base", "lr=0.1", "lr=0.2"), {})
    assert grid.factors == {"lr": ("0.1", "0.2")} and "base" not in grid.points


def test_of_changes_to_training_clips_the_base_has_none():
    grid = grid_of(arms_of("base", "noise=0 pitch=2", "noise=0.1 pitch=0", "noise=0.1 pitch=2"), {}, ["noise", "pitch"])
    assert grid.points["base"] == {"noise": "0", "pitch": "0"} and grid.factors["pitch"] == ("0", "2")


@pytest.mark.parametrize("arms", [["base", "x", "y"], ["base", "a=1"], []])
def test_names_and_single_points_are_no_grid(arms):
    assert grid_of(arms_of(*arms), {"a": 0}) is None


def test_words_keep_the_order_of_the_arms_and_some_points_lack_a_factor():
    grid = grid_of(arms_of("wavelet=db10", "wavelet=haar", "wavelet=db2"), {})
    assert grid.factors["wavelet"] == ("db10", "haar", "db2")
    grid = grid_of(arms_of("weight=0", "weight=1 margin=0.1", "weight=1 margin=0.2"), {})
    assert grid.points["weight=0"] == {"weight": "0"} and grid.factors["margin"] == ("0.1", "0.2")
