"""Units come back once, from the latest line that has enough; held against a slow replay written apart."""

from collections import Counter, defaultdict

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.returns import DAY_MICROS, match_bucket

DAYS = 4
move = st.tuples(
    st.sampled_from(["c1", "c2"]),
    st.sampled_from(["p1", "p2"]),
    st.sampled_from(["sale", "sale", "return"]),
    st.integers(0, 3),  # units
    st.integers(0, 9),  # day
    st.integers(0, 2),  # late by
    st.sampled_from([None, None, None, "o0", "o1", "o2"]),  # order named
)


def bucket(*lines: tuple) -> pd.DataFrame:
    """Rows as the engine gives them; lines of three different orders share `o0` … `o2`."""
    rows = [
        {
            "customer_id": customer,
            "product_id": product,
            "line_id": f"l{place:02}",
            "order_id": f"o{place % 3}" if kind == "sale" and place < 6 else f"o{place}",
            "original_order_id": named if kind == "return" else None,
            "known_day": day + late,
            "at": day * DAY_MICROS,
            "is_return": kind == "return",
            "units": units,
        }
        for place, (customer, product, kind, units, day, late, named) in enumerate(lines)
    ]
    return pd.DataFrame(rows)


def matched(lines: pd.DataFrame, days: int = DAYS) -> dict[str, str]:
    found = match_bucket(lines, days)
    return dict(zip(found.line_id, found.matched_order_id, strict=True))


def slowly(lines: pd.DataFrame, days: int) -> tuple[dict[str, str], Counter]:
    """The same by the words of the design: (matches, units given back by sale line)."""
    groups = defaultdict(list)
    for row in lines.to_dict("records"):
        groups[row["customer_id"], row["product_id"]].append(row)
    matches, back = {}, Counter()
    for group in groups.values():
        known = []
        for row in sorted(group, key=lambda row: (row["known_day"], row["at"], row["line_id"])):
            if not row["is_return"]:
                known.append(row)
                continue
            left = {sale["line_id"]: sale["units"] - back[sale["line_id"]] for sale in known}
            # Of two lines of one moment the one known later counts as the latest.
            latest_first = [sale for _, sale in sorted(enumerate(known), key=lambda one: (one[1]["at"], one[0]))][::-1]
            named = row["original_order_id"]
            if named is not None:
                taking = [sale for sale in latest_first if sale["order_id"] == named]
            else:
                in_reach = [sale for sale in latest_first if 0 <= row["at"] - sale["at"] <= days * DAY_MICROS]
                enough = max(row["units"], 1)  # a line without units left is none to give back from
                taking = [sale for sale in in_reach if left[sale["line_id"]] >= enough][:1]
                if taking:
                    matches[row["line_id"]] = taking[0]["order_id"]
                elif sum(left[sale["line_id"]] for sale in in_reach) >= row["units"]:
                    taking = in_reach
            units = row["units"]
            for sale in taking:
                taken = min(units, left[sale["line_id"]])
                back[sale["line_id"]] += taken
                units -= taken
    return matches, back


@given(st.lists(move, max_size=16), st.randoms(use_true_random=False))
def test_the_fast_replay_books_what_the_slow_one_books_whatever_the_order_of_its_rows(moves, chance):
    lines = bucket(*moves)
    if lines.empty:
        return
    wanted, back = slowly(lines, DAYS)
    sold = lines.set_index("line_id").units
    assert all(units <= sold[line_id] for line_id, units in back.items())  # no unit is given back twice
    assert matched(lines) == wanted
    places = list(range(len(lines)))
    chance.shuffle(places)
    assert matched(lines.iloc[places].reset_index(drop=True)) == wanted


def line(kind: str, units: int, day: int, named: str | None = None) -> tuple:
    return "c", "p", kind, units, day, 0, named


def test_a_return_that_several_lines_together_cover_stays_unmatched_and_uses_up_their_units():
    sold = [line("sale", 2, 0), line("sale", 2, 1)]
    assert matched(bucket(*sold, line("return", 3, 2), line("return", 2, 3))) == {}
    assert matched(bucket(*sold, line("return", 3, 2), line("return", 1, 3))) == {"l03": "o0"}


def test_a_return_of_more_than_all_lines_have_takes_nothing():
    lines = bucket(line("sale", 2, 0), line("sale", 2, 1), line("return", 5, 2), line("return", 2, 3))
    assert matched(lines) == {"l03": "o1"}


@pytest.mark.parametrize(("units", "left"), [(1, {"l02": "o0"}), (2, {}), (9, {})])
def test_a_named_return_uses_up_what_its_order_has(units, left):
    lines = bucket(line("sale", 2, 0), line("return", units, 1, "o0"), line("return", 1, 2))
    assert matched(lines) == left


def test_the_window_counts_days_to_the_moment():
    assert matched(bucket(line("sale", 1, 0), line("return", 1, 4)), days=4) == {"l01": "o0"}
    assert matched(bucket(line("sale", 1, 0), line("return", 1, 4)), days=3) == {}


def test_customers_and_products_of_a_bucket_do_not_mix():
    lines = bucket(("c1", "p1", "sale", 1, 0, 0, None), ("c1", "p2", "return", 1, 1, 0, None))
    assert matched(lines) == {}
    lines = bucket(("c1", "p1", "sale", 1, 0, 0, None), ("c2", "p1", "return", 1, 1, 0, None))
    assert matched(lines) == {}
