"""Accounts and visitors count for the customer that they were known to be at a date, and for nobody before."""

from datetime import date, timedelta

import pytest

from features.campaigns import outcomes
from features.labels import labels
from features.persons import Identity, accounts_of_persons, events_of_persons, other_accounts
from features.snapshot import snapshots
from schemas.campaign import CAMPAIGN_ASSIGNMENT
from schemas.clean import CLEAN_EVENTS
from schemas.feature import FEATURE_CUSTOMER_DAY, FEATURE_VISITOR_DAY
from schemas.identity import CLEAN_IDENTITY

D = date(2024, 3, 1)


def day(number: int) -> date:
    return D + timedelta(days=number)


def whose(kind: str, identifier: str, owner: str | None, since: int, until: int | None = None) -> dict:
    held = {"valid_from": day(since), "valid_to": None if until is None else day(until), "ingest_date": day(since)}
    return {"identifier_kind": kind, "identifier": identifier, "customer_id": owner} | held


ROWS = (
    whose("customer", "a", "a", 0),
    whose("customer", "b", "b", 0, 2),
    whose("customer", "b", "a", 2),
    whose("visitor", "v", "a", 1, 3),
    whose("visitor", "v", None, 3),
)


def tile(owner: str, number: int, **facts: int) -> dict:
    return {"customer_id": owner, "event_date": day(number), "ingest_date": day(number)} | facts


@pytest.fixture
def identity(frame):
    return frame(CLEAN_IDENTITY, *ROWS)


@pytest.fixture
def counts(frame, identity):
    """(orders, clicks) of every customer at days."""

    def at(*numbers: int) -> dict[int, dict[str, tuple[int, int]]]:
        tiles = frame(FEATURE_CUSTOMER_DAY, tile("a", 0, order_count=1), tile("b", 0, order_count=1))
        clicks = {"visitor_id": "v", "event_date": D, "ingest_date": D, "click_count": 5, "session_count": 1}
        known = Identity(identity, frame(FEATURE_VISITOR_DAY, clicks, clicks | {"visitor_id": "stranger"}))
        found: dict[int, dict[str, tuple[int, int]]] = {number: {} for number in numbers}
        for row in snapshots(tiles, [day(number) for number in numbers], 1, known).collect():
            told = (row.order_count_lifetime, row.click_count_90d)
            found[(row.as_of_date - D).days][row.customer_id] = told
        return found

    return at


def test_clicks_of_a_visitor_count_once_it_is_known_whose_he_is_and_no_longer_when_he_is_shared(counts):
    alone = {"a": (1, 0), "b": (1, 0)}
    wanted = {0: alone, 1: {"a": (1, 5), "b": (1, 0)}, 2: {"a": (2, 5)}, 3: {"a": (2, 0)}}
    assert counts(0, 1, 2, 3) == wanted
    assert {number: counts(number)[number] for number in wanted} == wanted


def test_what_an_account_does_later_is_the_customers_who_it_was_known_to_be(frame, identity):
    tiles = frame(FEATURE_CUSTOMER_DAY, tile("a", 5, order_count=1), tile("b", 5, order_count=1, net_amount=7))
    found = {
        (row.as_of_date, row.customer_id): (row.later_order_count, row.later_net_revenue)
        for row in labels(tiles, [day(1), day(2)], 30, identity).collect()
    }
    assert found == {(day(1), "a"): (1, 0.0), (day(1), "b"): (1, 7.0), (day(2), "a"): (2, 7.0)}


def test_a_campaign_is_measured_over_all_accounts_of_the_customer_planned(frame, identity):
    dates = [day(1), day(2)]
    plans = frame(
        CAMPAIGN_ASSIGNMENT, *({"as_of_date": when, "customer_id": "a", "arm": "treatment"} for when in dates)
    )
    tiles = frame(FEATURE_CUSTOMER_DAY, tile("b", 5, order_count=1, net_amount=7))
    rows = outcomes(plans, tiles, day(20), 30, other_accounts(identity, dates)).collect()
    assert {row.as_of_date: (row.is_buyer, float(row.net_revenue)) for row in rows} == {
        day(1): (0, 0.0),
        day(2): (1, 7.0),
    }


def test_events_bear_the_customer_whom_account_or_visitor_tell(frame, identity):
    rows = [
        {"event_id": "1", "visitor_id": "v"},
        {"event_id": "2", "visitor_id": "v", "customer_id": "b"},
        {"event_id": "3", "visitor_id": "stranger"},
    ]
    events = frame(CLEAN_EVENTS, *rows)
    for number, wanted in ((0, [None, "b", None]), (2, ["a", "a", None]), (3, [None, "a", None])):
        found = events_of_persons(events, identity, day(number)).orderBy("event_id").collect()
        assert [row.customer_id for row in found] == wanted


def test_whose_an_account_is_counts_as_known_at_the_date(frame):
    one = {"identifier_kind": "customer", "customer_id": "a", "valid_from": D}
    rows = [
        one | {"identifier": "a"},
        one | {"identifier": "b", "valid_from": day(1)},
        one | {"identifier": "c", "valid_to": day(1)},
        one | {"identifier": "v", "identifier_kind": "visitor"},
        one | {"identifier": "apart", "customer_id": None},
    ]
    identity = frame(CLEAN_IDENTITY, *rows)
    for known_on, accounts in ((D, {"a", "c"}), (day(1), {"a", "b"})):
        found = accounts_of_persons(identity, known_on).collect()
        assert {(row.customer_id, row.person_id) for row in found} == {(account, "a") for account in accounts}
