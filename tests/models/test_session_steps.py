"""Steps of hand-made sessions: what a product is to those before it, and where a session is cut."""

import numpy as np
import pytest

from models.session_steps import CATEGORY, LOOK, SessionEvents, before, is_buying, stays, steps
from tests.models.sessions import events


def named(given: SessionEvents, kind: str) -> list[list[str]]:
    sequences, names = steps(given, kind)
    words = [names[item] for item in sequences.items]
    return [words[start:end] for start, end in zip(given.starts[:-1], given.starts[1:], strict=True)]


def test_a_step_says_what_its_product_is_to_those_before_in_the_session():
    given = events("s v1s v1s v2s v3b v1s v4- a4-", "v1s v2b v3s", "v1s s v1s")
    assert named(given, LOOK) == [
        [
            "search",
            "view",
            "view same",
            "view alike",
            "view elsewhere",
            "view back",
            "view another",
            "add_to_cart same",
        ],
        ["view", "view elsewhere", "view alike"],
        ["view", "search", "view same"],
    ]


def test_a_step_of_kind_category_names_it_where_the_event_has_one():
    assert named(events("v1s s a2b v3-"), CATEGORY) == [["view in shoes", "search", "add_to_cart in bags", "view"]]


def test_sessions_end_before_the_checkout_or_the_purchase_whichever_comes_first():
    cut = before(events("v1s c v2s p v3s", "p v1s", "v1s s", "v1s a1s c"))
    assert named(cut, LOOK) == [["view"], [], ["view", "search"], ["view", "add_to_cart same"]]


def test_a_session_with_a_purchase_is_buying_whatever_comes_after():
    assert is_buying(events("v1s p v2s", "v1s c", "", "p")).tolist() == [True, False, False, True]


def test_a_long_session_keeps_its_last_events_before_the_end(monkeypatch):
    monkeypatch.setattr("models.session_steps.LONGEST", 2)
    assert named(before(events("s s v1s v2b c v3s", "v1s")), LOOK) == [["view", "view elsewhere"], ["view"]]


def test_the_last_stay_is_not_known_also_where_a_purchase_followed():
    given = events("v1s s p", "v1s", "", "s s")
    assert stays(given) == pytest.approx([10, 10, np.nan, np.nan, 10, np.nan], nan_ok=True)
    assert stays(before(given)) == pytest.approx([10, np.nan, np.nan, 10, np.nan], nan_ok=True)


def test_no_sessions_have_no_steps():
    for kind in (LOOK, CATEGORY):
        sequences, names = steps(before(events()), kind)
        assert len(sequences) == 0 and names == ()
