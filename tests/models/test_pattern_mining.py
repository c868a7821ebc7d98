"""The miner against an enumeration that knows nothing of prefixes, and each constraint by a hand-made sequence."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.pattern_mining import SHORTEST, Constraints, Sequences, mine, occurrences

FREE = Constraints(minimum_support=0.0, minimum_count=1, maximum_length=4, maximum_gap=99, maximum_span_seconds=1e9)
Step = tuple[int, float, float]  # item, seconds since the step before, stay


def sequences(*given: list[Step]) -> Sequences:
    steps = [step for one in given for step in one]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in given], dtype=int)])
    seconds = [sum(step[1] for step in one[: place + 1]) for one in given for place in range(len(one))]
    return Sequences(
        np.array([step[0] for step in steps], dtype=int),
        starts,
        np.array(seconds, dtype=float),
        np.array([step[2] for step in steps], dtype=float),
    )


def items(*given: str) -> Sequences:
    """One sequence per text, an item per letter, a minute from each to the next."""
    return sequences(*([(ord(letter) - ord("a"), 60.0, 60.0) for letter in text] for text in given))


def word(pattern: tuple[int, ...]) -> str:
    return "".join(chr(ord("a") + item) for item in pattern)


def found(given: Sequences, constraints: Constraints) -> dict[str, int]:
    return {word(pattern): count for pattern, count in mine(given, constraints).items()}


def shown_by_enumeration(one: list[Step], constraints: Constraints) -> set[tuple[int, ...]]:
    """Every pattern of one sequence, by trying all choices of places."""
    clock = np.cumsum([step[1] for step in one])
    shown = set()
    for length in range(SHORTEST, constraints.maximum_length + 1):
        for places in combinations(range(len(one)), length):
            stays = [one[place][2] for place in places if not np.isnan(one[place][2])]
            if (
                min(one[place][0] for place in places) >= 0
                and max(np.diff(places)) <= constraints.maximum_gap
                and clock[places[-1]] - clock[places[0]] <= constraints.maximum_span_seconds
                and (not stays or sum(stays) / len(stays) >= constraints.minimum_mean_stay_seconds)
            ):
                shown.add(tuple(one[place][0] for place in places))
    return shown


steps = st.tuples(
    st.integers(-1, 3), st.integers(0, 9).map(float), st.one_of(st.integers(0, 9).map(float), st.just(np.nan))
)
limits = st.builds(
    Constraints,
    minimum_support=st.sampled_from([0.0, 0.3, 0.6]),
    minimum_count=st.integers(1, 3),
    maximum_length=st.integers(2, 4),
    maximum_gap=st.integers(1, 5),
    maximum_span_seconds=st.integers(0, 30).map(float),
    minimum_mean_stay_seconds=st.integers(0, 8).map(float),
)


@given(st.lists(st.lists(steps, max_size=7), max_size=6), limits)
def test_exactly_the_frequent_patterns_of_an_enumeration_are_mined(given_steps, constraints):
    counts = Counter(pattern for one in given_steps for pattern in shown_by_enumeration(one, constraints))
    least = max(constraints.minimum_support * len(given_steps), constraints.minimum_count)
    assert mine(sequences(*given_steps), constraints) == {p: n for p, n in counts.items() if n >= least}


@given(st.lists(st.lists(steps, max_size=7), max_size=6), limits)
def test_a_sequence_shows_a_pattern_where_the_enumeration_finds_it_in_that_sequence(given_steps, constraints):
    shown = [shown_by_enumeration(one, constraints) for one in given_steps]
    patterns = sorted(set().union(*shown) | {(0, 1), (3, 3)})  # also such as no sequence may show
    expected = [[pattern in of_one for pattern in patterns] for of_one in shown]
    matrix = occurrences(sequences(*given_steps), patterns, constraints)
    assert matrix.shape == (len(given_steps), len(patterns)) and matrix.tolist() == expected


def test_a_sequence_counts_once_however_often_it_shows_a_pattern():
    assert found(items("abab", "ab"), replace(FREE, maximum_length=2))["ab"] == 2


def test_a_gap_is_in_places_between_neighbours_of_the_pattern():
    near = replace(FREE, maximum_gap=2)
    assert "ab" in found(items("axb"), near) and "ab" not in found(items("axxb"), near)


def test_a_later_embedding_counts_where_the_first_one_has_too_wide_a_gap():
    assert "abc" in found(items("abxxabc"), replace(FREE, maximum_gap=1))


def test_a_span_is_from_the_first_to_the_last_step():
    short = replace(FREE, maximum_span_seconds=120.0)
    assert "abc" in found(items("abc"), short) and "abd" not in found(items("abcd"), short)


@pytest.mark.parametrize(("stay", "is_shown"), [(40.0, True), (39.0, False), (np.nan, True)])
def test_the_mean_stay_is_of_the_steps_whose_stay_is_known(stay, is_shown):
    given_steps = [(0, 0.0, 80.0), (1, 1.0, stay)]
    assert ("ab" in found(sequences(given_steps), replace(FREE, minimum_mean_stay_seconds=60.0))) == is_shown


def test_a_short_stay_at_the_beginning_does_not_stop_a_pattern_that_stays_long_after():
    given_steps = [(0, 0.0, 0.0), (1, 1.0, 0.0), (2, 1.0, 300.0)]
    assert set(found(sequences(given_steps), replace(FREE, minimum_mean_stay_seconds=100.0))) == {"ac", "bc", "abc"}


def test_support_is_a_share_of_all_sequences_and_a_least_count():
    given_items = items("ab", "ab", "ba", "c", "")
    assert found(given_items, replace(FREE, minimum_support=0.4)) == {"ab": 2}
    assert found(given_items, replace(FREE, minimum_count=3)) == {}


def test_sequences_taken_by_a_mask_are_those_sequences():
    taken = items("ab", "cd", "", "ea").take(np.array([False, True, True, True]))
    assert len(taken) == 3 and found(taken, FREE) == {"cd": 1, "ea": 1}
