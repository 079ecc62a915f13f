"""How often the tests cry wolf, and how often intervals hold the truth: short here, long in the slow suite."""

import pytest

from serbench.results.questions.compare import FALSE_ALARMS
from serbench.tests.support.simulations import cross_validations, rank_alarms, speakers


def test_corrected_t_holds_its_level_where_the_plain_one_does_not():
    corrected, plain = cross_validations(600, seed=7)
    assert 0.03 <= corrected <= 0.07
    assert 0.25 <= plain <= 0.40


@pytest.mark.parametrize("n", [6, 10])
def test_speaker_t_holds_its_level_with_few_speakers_and_several_seeds(n):
    assert speakers(2_000, 11, n)["speaker t"] <= 0.065


@pytest.mark.parametrize("n", [6, 10, 20])
def test_the_interval_of_the_difference_holds_the_truth(n):
    assert 0.92 <= speakers(2_000, 12, n)["coverage"] <= 0.97


def test_what_papers_print_is_stated_as_simulated():
    found = speakers(3_000, 13, 10)
    for name, stated in FALSE_ALARMS.items():
        assert found[name] == pytest.approx(stated, abs=0.02), name


def test_friedman_holds_its_level():
    assert rank_alarms(600, 1, 10, 4) <= 0.065


@pytest.mark.slow
def test_corrected_t_long():
    corrected, plain = cross_validations(6_000, seed=8)
    assert 0.03 <= corrected <= 0.07
    assert 0.25 <= plain <= 0.40


@pytest.mark.slow
@pytest.mark.parametrize("n", [6, 10, 20])
def test_speakers_long(n):
    found = speakers(20_000, 14, n)
    assert found["speaker t"] <= 0.065
    assert 0.92 <= found["coverage"] <= 0.97
