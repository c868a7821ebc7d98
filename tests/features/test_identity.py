"""Identity: the periods made at once say for every date what the rules say of the edges known by then."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.identity import identities
from features.identity_edges import PAIRS
from schemas.identity import CLEAN_IDENTITY_EDGE

DAY = date(2024, 3, 1)
CAP = 3

Edge = tuple[int, str, str, str]  # day, kind and the two ends
Known = dict[tuple[str, str], tuple[str | None, str]]


def edge_row(day: int, kind: str, left: str, right: str) -> dict[str, Any]:
    when = {"first_seen_at": datetime(2024, 3, 1, tzinfo=UTC), "ingest_date": DAY + timedelta(days=day)}
    return {
        "edge_id": f"{kind} {left} {right}",
        "edge_kind": kind,
        **dict(zip(PAIRS[kind], (left, right), strict=True)),
        **when,
    }


def first_seen(edges: list[Edge]) -> list[Edge]:
    found: dict[tuple[str, ...], int] = {}
    for day, *ends in sorted(edges):
        found.setdefault(tuple(ends), day)
    return [(day, kind, left, right) for (kind, left, right), day in found.items()]


@pytest.fixture
def keep(spark, tmp_path):
    numbers = count()

    def write(rows, name):
        folder = str(tmp_path / f"{next(numbers)}_{name}")
        rows.write.parquet(folder)
        return spark.read.schema(rows.schema).parquet(folder)

    return write


@pytest.fixture
def periods(frame, keep):
    def find(*edges: Edge, cap: int = CAP) -> list[dict[str, Any]]:
        rows = frame(CLEAN_IDENTITY_EDGE, *(edge_row(*edge) for edge in first_seen(list(edges))))
        return [row.asDict() for row in identities(rows, cap, keep).collect()]

    return find


def at(rows: list[dict[str, Any]], day: int) -> Known:
    """Owner and status of every identifier as known at a day."""
    when = DAY + timedelta(days=day)
    found: Known = {}
    for row in rows:
        if row["valid_from"] <= when and (row["valid_to"] is None or row["valid_to"] > when):
            key = (row["identifier_kind"], row["identifier"])
            assert key not in found, f"{key} is told of twice at {when}"
            found[key] = (row["customer_id"], row["status"])
    return found


@pytest.fixture
def known(periods):
    """`known(edge, …, day=…)`: identity at a day."""
    return lambda *edges, day=9, **more: at(periods(*edges, **more), day)


def test_a_visitor_is_whose_account_logged_in_from_that_day_on(periods):
    rows = periods((1, "visitor_customer", "v", "c"))
    assert ("visitor", "v") not in at(rows, 0)
    assert at(rows, 1)["visitor", "v"] == ("c", "linked")


def test_accounts_with_one_address_are_one_customer_the_earliest_known(periods):
    edges = ((0, "visitor_customer", "v", "z"), (1, "visitor_customer", "w", "a"), (2, "email_customer", "e", "a"))
    rows = periods(*edges, (3, "email_customer", "e", "z"))
    assert [at(rows, 2)[key][0] for key in (("customer", "a"), ("visitor", "w"))] == ["a", "a"]
    after = at(rows, 3)
    assert {after[key][0] for key in after} == {"z"}
    changes = {(row["identifier"], row["valid_from"]): row["change"] for row in rows}
    assert changes["a", DAY + timedelta(days=3)] == "merge" and changes["w", DAY + timedelta(days=3)] == "merge"


def test_a_chain_of_addresses_is_one_customer(known):
    names = "abcd"
    ties = [(0, "email_customer", f"e{i}", name) for i in range(3) for name in names[i : i + 2]]
    assert {known(*ties, cap=9)["customer", name][0] for name in names} == {"a"}


def test_a_shared_device_does_not_merge_accounts_and_belongs_to_nobody(periods):
    rows = periods((0, "device_customer", "d", "a"), (0, "visitor_device", "v", "d"), (2, "device_customer", "d", "b"))
    assert (at(rows, 1)["device", "d"], at(rows, 1)["visitor", "v"]) == (("a", "linked"), ("a", "linked"))
    after = at(rows, 2)
    assert (after["device", "d"], after["visitor", "v"]) == ((None, "shared"), (None, "unlinked"))
    assert (after["customer", "a"][0], after["customer", "b"][0]) == ("a", "b")
    assert {
        row["change"] for row in rows if row["valid_from"] == DAY + timedelta(days=2) and row["customer_id"] is None
    } == {"split"}


def test_two_accounts_on_a_device_that_turn_out_to_be_one_share_nothing(known):
    logins = ((0, "device_customer", "d", "a"), (1, "device_customer", "d", "b"))
    emails = ((3, "email_customer", "e", "a"), (3, "email_customer", "e", "b"))
    assert known(*logins, *emails, day=2)["device", "d"] == (None, "shared")
    assert known(*logins, *emails, day=3)["device", "d"] == ("a", "linked")


def test_a_visitor_who_logs_in_is_no_longer_whose_the_device_is(known):
    edges = ((0, "device_customer", "d", "a"), (0, "visitor_device", "v", "d"), (2, "visitor_customer", "v", "b"))
    assert [known(*edges, day=day)["visitor", "v"][0] for day in (1, 2)] == ["a", "b"]


def test_an_address_given_without_a_log_in_tells_who_the_visitor_is(known):
    edges = ((0, "visitor_email", "v", "e"), (2, "email_customer", "e", "a"))
    assert ("visitor", "v") not in known(*edges, day=1)
    assert known(*edges, day=2)["visitor", "v"] == ("a", "linked")


def test_more_accounts_of_one_address_than_the_cap_stay_apart_and_are_told_of(periods):
    rows = periods(*((day, "email_customer", "e", f"c{day}") for day in range(CAP + 1)))
    assert {owner for owner, _ in at(rows, CAP - 1).values()} == {"c0"}
    after = at(rows, CAP)
    assert [after["customer", f"c{i}"] for i in range(CAP + 1)] == [(f"c{i}", "over_cap") for i in range(CAP + 1)]
    assert after["email", "e"] == (None, "over_cap")


@pytest.mark.parametrize("kind", ["visitor", "device"])
def test_an_account_with_more_visitors_or_devices_than_the_cap_takes_none(known, kind):
    edges = [(day, f"{kind}_customer", f"x{day}", "test") for day in range(CAP + 1)]
    assert known(*edges, day=CAP - 1)[kind, "x0"] == ("test", "linked")
    after = known(*edges, day=CAP)
    assert {after[kind, f"x{day}"] for day in range(CAP + 1)} == {(None, "over_cap")}
    assert after["customer", "test"] == ("test", "over_cap")


def test_a_device_with_more_visitors_than_the_cap_is_nobodys(known):
    edges = [(0, "device_customer", "d", "a"), *((1, "visitor_device", f"v{i}", "d") for i in range(CAP + 1))]
    assert known(*edges, day=0)["device", "d"] == ("a", "linked")
    assert known(*edges, day=1)["device", "d"] == (None, "over_cap") and ("visitor", "v0") not in known(*edges, day=1)


def by_rule(edges: list[Edge], cap: int) -> Known:
    """The rules said plainly, of the edges known at one day."""
    first: dict[str, int] = {}
    ends: dict[str, dict[str, list[tuple[int, str]]]] = {kind: defaultdict(list) for kind in PAIRS}
    for day, kind, left, right in edges:
        ends[kind][left].append((day, right))
        if kind.endswith("_customer"):
            first[right] = min(day, first.get(right, day))
    group = {account: {account} for account in first}
    for owners in ends["email_customer"].values():
        merged = set().union(*(group[account] for _, account in owners))
        group.update(dict.fromkeys(merged, merged))
    is_over = {account: len(group[account]) > cap for account in first}
    owner = {
        account: account if is_over[account] else min(group[account], key=lambda one: (first[one], one))
        for account in first
    }
    tied = defaultdict(set)
    for kind in ("visitor_customer", "device_customer"):
        for left, accounts in ends[kind].items():
            for _, account in accounts:
                tied[account].add((kind, left))
    crowded = {account for account, others in tied.items() if len(others) > cap}
    visitors_of = defaultdict(set)
    for visitor, devices in ends["visitor_device"].items():
        for _, device in devices:
            visitors_of[device].add(visitor)

    def judged(accounts: set[str], too_many: bool = False) -> tuple[str | None, str]:
        if too_many or accounts & crowded:
            return None, "over_cap"
        owners = {owner[account] for account in accounts}
        return (owners.pop(), "linked") if len(owners) == 1 else (None, "shared")

    found: Known = {
        ("customer", account): (owner[account], "over_cap" if is_over[account] or account in crowded else "linked")
        for account in first
    }
    for kind in ("device", "email"):
        for subject, accounts in ends[f"{kind}_customer"].items():
            too_many = len(accounts) > cap or (kind == "device" and len(visitors_of[subject]) > cap)
            found[kind, subject] = judged({account for _, account in accounts}, too_many)
    for visitor in {*ends["visitor_customer"], *ends["visitor_email"], *ends["visitor_device"]}:
        tellers = [ends["visitor_customer"][visitor]]
        tellers += [ends["email_customer"][email] for _, email in ends["visitor_email"][visitor]]
        accounts = {account for teller in tellers for _, account in teller}
        devices = [found.get(("device", device)) for _, device in ends["visitor_device"][visitor]]
        owners = {known[0] for known in devices if known and known[1] == "linked"}
        if accounts:
            found["visitor", visitor] = judged(accounts, any(len(teller) > cap for teller in tellers))
        elif owners:
            found["visitor", visitor] = (owners.pop(), "linked") if len(owners) == 1 else (None, "shared")
    return found


def edges_of(days: int) -> st.SearchStrategy[list[Edge]]:
    names = {"visitor": "vwxyz", "device": "def", "email": "mno", "customer": "abcgh"}

    def edge(kind: str) -> st.SearchStrategy[Edge]:
        left, right = (st.sampled_from(names[part]) for part in kind.split("_"))
        return st.tuples(st.integers(0, days - 1), st.just(kind), left, right)

    return st.lists(st.sampled_from(list(PAIRS)).flatmap(edge), min_size=1, max_size=22)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(edges=edges_of(5))
def test_the_periods_say_of_every_day_what_the_rules_say_of_the_edges_known_by_then(edges, periods):
    rows = periods(*edges)
    for day in range(5):
        wanted = by_rule([edge for edge in first_seen(edges) if edge[0] <= day], CAP)
        found = {key: told for key, told in at(rows, day).items() if told[1] != "unlinked"}
        assert found == wanted, f"day {day}"
