"""Identity as a part of conform: nights give what a stretch gives, reruns the same, and a mended file is believed."""

import random

import pytest

from jobs import identities
from jobs.pseudonyms import key_of, pseudonym
from schemas.clean import CLEAN_EVENTS
from schemas.identity import CLEAN_IDENTITY, CLEAN_IDENTITY_EDGE
from schemas.raw import RAW_CLICKSTREAM, RAW_CUSTOMERS
from tests.jobs.clicks import CAP, DAYS, FIRST, click


def drawn(seed: int) -> list[dict]:
    """Clicks of few people, so that accounts meet on devices and at addresses."""
    rng = random.Random(seed)
    rows = []
    for place in range(45):
        ends = {
            "customer_id": rng.choice((None, *"abcdef")),
            "device_id": rng.choice((None, *"stu")),
            "email": rng.choice((None, None, "A@x.de ", "a@X.de", "b@x.de", "c@x.de", "d@x.de", "no address")),
        }
        rows.append(click(rng.randrange(DAYS), f"e{place}", rng.choice("lmnopqr"), **ends))
    return rows


def stored(run) -> dict[str, list]:
    tables = (CLEAN_IDENTITY_EDGE, CLEAN_IDENTITY)
    return {table.name: sorted(tuple(map(str, row)) for row in run(0).read(table).collect()) for table in tables}


@pytest.mark.parametrize("seed", [1, 2])
def test_nights_a_stretch_and_reruns_leave_the_same_rows(seed, clicked_shop, assert_rows):
    rows = drawn(seed)
    nightly, at_once, mixed = (clicked_shop(rows, name) for name in ("nightly", "at_once", "mixed"))
    for night in range(DAYS):
        identities.link(nightly(night))
    identities.link(at_once(0, DAYS - 1))
    for first, last in ((0, 1), (2, 2), (1, 2), (0, 0), (3, DAYS - 1), (2, 2), (DAYS - 1, DAYS - 1)):
        identities.link(mixed(first, last))
    wanted = stored(at_once)
    assert stored(nightly) == wanted and stored(mixed) == wanted and all(wanted.values())
    for table in (CLEAN_IDENTITY_EDGE, CLEAN_IDENTITY):
        assert_rows(at_once(0).read(table), None, table)
    told = {(row.change, row.status) for row in at_once(0).read(CLEAN_IDENTITY).collect()}
    assert {change for change, _ in told} == {"new", "merge", "split"}


def test_a_night_again_with_a_mended_file_believes_it(clicked_shop, make_run, frame):
    log_in = click(0, "a", "v", customer_id="c")
    wrong, right = click(1, "b", "v", customer_id="d"), click(1, "b", "w", customer_id="d")
    run, other = clicked_shop([log_in, wrong]), clicked_shop([log_in, right], "other")
    for one in (run, other):
        for night in (0, 1):
            identities.link(one(night))
    assert stored(run) != stored(other)
    run(1).replace(frame(RAW_CLICKSTREAM, right), RAW_CLICKSTREAM)
    identities.link(run(1))
    assert stored(run) == stored(other)


def test_addresses_are_kept_as_keyed_hashes_and_those_of_customer_records_count(clicked_shop, frame):
    run = clicked_shop([click(0, "a", "v", email=" C@Example.org")])
    record = {"event_id": "r", "event_date": FIRST, "ingest_date": FIRST, "customer_id": "c", "email": "c@example.org"}
    run(0).replace(frame(RAW_CUSTOMERS, record), RAW_CUSTOMERS)
    identities.link(run(0))
    hashed = pseudonym("c@example.org", key_of(run(0).settings))
    assert {row.email_hash for row in run(0).read(CLEAN_IDENTITY_EDGE).collect()} == {hashed}
    owners = {row.identifier: row.customer_id for row in run(0).read(CLEAN_IDENTITY).collect()}
    assert owners == {"c": "c", hashed: "c", "v": "c"}


def test_bots_log_nobody_in(clicked_shop, frame):
    run = clicked_shop([click(0, "a", "v", customer_id="c"), click(0, "b", "w", customer_id="d")])
    run(0).replace(frame(CLEAN_EVENTS, {"event_id": "b", "ingest_date": FIRST, "is_bot": True}), CLEAN_EVENTS)
    identities.link(run(0))
    assert {row.identifier for row in run(0).read(CLEAN_IDENTITY).collect()} == {"v", "c"}


def test_a_shop_whose_events_name_nobody_has_neither_table(clicked_shop):
    run = clicked_shop([click(0, "a", "v"), click(0, "b", "w")])
    identities.link(run(0))
    assert not run(0).exists(CLEAN_IDENTITY_EDGE) and not run(0).exists(CLEAN_IDENTITY)


def test_what_the_cap_keeps_apart_is_told_without_a_name(clicked_shop, caplog):
    run = clicked_shop([click(0, f"e{place}", f"visitor{place}", customer_id="tester") for place in range(CAP + 1)])
    identities.link(run(0))
    [line] = [record.getMessage() for record in caplog.records if "tied to too many" in record.getMessage()]
    assert f"{CAP + 2} identifiers" in line and "tester" not in line and "visitor0" not in line
