"""Which side a pattern is of, by sessions of known counts; and what a session shows before it ends."""

from dataclasses import replace

import numpy as np
import pytest

from models.base import TrainingDataError
from models.session_patterns import Rule, SessionPatternConfig, SessionPatterns, candidates, encode
from models.session_steps import CATEGORY, LOOK, SessionEvents, is_buying
from tests.models.sessions import events

CONFIG = SessionPatternConfig(minimum_support=0.05, minimum_count=2, minimum_sessions=10)


def fitted(given: SessionEvents, config: SessionPatternConfig = CONFIG) -> SessionPatterns:
    rules, buys = candidates(given, config), is_buying(given)
    shown = encode(given, rules, config)
    counts = shown[buys].sum(axis=0), shown[~buys].sum(axis=0)
    return SessionPatterns.judge(rules, counts, (int(buys.sum()), int((~buys).sum())), config, seed=1)


def sides(model: SessionPatterns) -> dict[str, str]:
    return {pattern.rule.name: pattern.side for pattern in model.patterns}


def test_what_one_side_does_more_often_is_its_pattern_and_the_rest_is_shared():
    buying = ["s v1s v1s c p"] * 40 + ["v1s v2s p"] * 10 + ["s s c p"] * 50
    browsing = ["s v1s v1s"] * 5 + ["v1s v2s"] * 45 + ["s s"] * 50
    found = sides(fitted(events(*buying, *browsing)))
    assert found["search > view > view same"] == "buying"
    assert found["view > view alike"] == "browsing"
    assert found["search > search"] == "shared"


def test_a_pattern_beside_the_threshold_of_frequency_is_not_of_one_side():
    buying, browsing = (["s s p"] * 10 + ["p"] * 90, ["s s"] * 9 + ["v1s"] * 91)
    # 10 % of the one side are frequent, 9 % of the other are not: the paper's rule would give it to the buying side.
    assert sides(fitted(events(*buying, *browsing), replace(CONFIG, minimum_support=0.1))) == {
        "search > search": "shared"
    }


def test_few_sessions_do_not_make_a_side_however_large_the_lift():
    given = events(*["s s p"] * 2, *["p"] * 18, *["v1s"] * 20)
    assert sides(fitted(given)) == {"search > search": "shared"}


def test_a_pattern_with_a_long_stay_is_kept_where_it_says_more_than_without():
    buying, browsing = ["v1s s p"] * 40 + ["p"] * 10, ["v1s s"] * 40 + ["v1s"] * 10
    slow_buyers = [90.0] * 50 + [10.0] * 50
    assert sides(fitted(events(*buying, *browsing, every=slow_buyers))) == {
        "view > search": "shared",
        "view > search (mean stay 60 s)": "buying",
        "view in shoes > search": "shared",
        "view in shoes > search (mean stay 60 s)": "buying",
    }
    alike = sides(fitted(events(*buying, *browsing, every=90.0)))
    assert alike == {"view > search": "shared", "view in shoes > search": "shared"}


def test_without_enough_sessions_of_a_side_the_message_counts_both():
    with pytest.raises(TrainingDataError, match="10 sessions with a purchase and as many without, got 3 and 12"):
        candidates(events(*["p"] * 3, *["s s"] * 12), CONFIG)


def test_only_the_strongest_patterns_of_each_side_are_kept():
    buying = ["s v1s v1s c p"] * 40 + ["s s c p"] * 60
    given = events(*buying, *["v1s v2s v3b"] * 100)
    every, few = (fitted(given, replace(CONFIG, maximum_each=many)) for many in (100, 1))
    assert len(every.patterns) > len(few.patterns) == len({pattern.side for pattern in few.patterns})
    assert few.patterns[0] == every.patterns[0]


def test_nothing_that_follows_the_checkout_changes_what_a_session_shows():
    rules = [
        Rule(LOOK, ("view", "search")),
        Rule(CATEGORY, ("view in shoes", "search")),
        Rule(LOOK, ("search", "view")),
    ]
    quiet, wild = events("v1s s c p", "s p"), events("v1s s c s v1s p v2b s", "s p v1s s")
    expected = [[True, True, False], [False, False, False]]
    for given in (quiet, wild):
        assert encode(given, rules, CONFIG).tolist() == expected


def test_sessions_without_a_patterns_steps_do_not_show_it_and_no_sessions_show_nothing():
    rules = [Rule(LOOK, ("view", "login")), Rule(LOOK, ("search", "search"), 60.0)]
    assert encode(events("v1s v2s", "", "s s"), rules, CONFIG).tolist() == [[False, False]] * 2 + [[False, False]]
    assert encode(events(), rules, CONFIG).shape == (0, 2)


def test_a_saved_model_is_the_same_model(tmp_path):
    given = events(*["s v1s v1s c p"] * 40, *["v1s v2s v3b"] * 40)
    model = fitted(given)
    model.save(tmp_path)
    loaded = SessionPatterns.load(tmp_path)
    assert loaded == model and loaded.metrics == model.metrics
    assert np.array_equal(loaded.predict(given), model.predict(given))


def test_lift_and_counts_are_those_of_the_sessions_counted():
    model = fitted(events(*["s s c p"] * 30, *["p"] * 70, *["s s"] * 10, *["v1s"] * 90))
    [pattern] = model.patterns
    assert (pattern.buying_count, pattern.browsing_count, pattern.side) == (30, 10, "buying")
    assert pattern.lift == pytest.approx(3, rel=0.1)
    assert model.metrics == {
        "buying_patterns": 1.0,
        "browsing_patterns": 0.0,
        "shared_patterns": 0.0,
        "buying_sessions": 100.0,
        "browsing_sessions": 100.0,
    }
