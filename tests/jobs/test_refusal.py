"""Whoever was erased stays out: by id, by address, and where a row that can't be read names them."""

import pytest

from jobs import refusal
from jobs.erase_words import Sought
from jobs.pseudonyms import key_of
from schemas.raw import RAW_CLICKSTREAM, RAW_QUARANTINE, RAW_TRANSACTIONS
from tests.jobs.landed import D1, HEADER, land

CLICKS = "event_id,event_at,visitor_id,customer_id,event_type,email"
KEY = "key"


@pytest.fixture
def refused(make_run):
    """Customer GONE-1 and her address are on the list."""
    run = make_run(D1, pseudonym_key=KEY)
    gone = Sought({"customer_id": {"GONE-1"}, "email": {"Jo@example.org"}, "order_id": set(), "visitor_id": set()})
    refusal.refuse(run, gone, key_of(run.settings))
    return run


def quarantine(run) -> dict[int, tuple[str, str | None]]:
    return {row.source_line: (row.reason, row.original_text) for row in run.read(RAW_QUARANTINE).collect()}


ERASED = ("the customer was erased", None)


def test_a_row_that_has_only_the_address_of_an_erased_customer_is_refused(refused, lake, run_job):
    who = (("", "jo@EXAMPLE.org "), ("GONE-1", ""), ("other", "jo@example.org"), ("", "ann@example.org"), ("", ""))
    lines = (f"{line},{D1}T10:00:00Z,v{line},{one},login,{address}" for line, (one, address) in enumerate(who, 2))
    land(lake, D1, "a.csv", *lines, header=CLICKS, source="clickstream")
    run_job("ingest", D1, pseudonym_key=KEY)
    assert {row.event_id for row in refused.read(RAW_CLICKSTREAM).collect()} == {"4", "5", "6"}
    assert quarantine(refused) == {2: ERASED, 3: ERASED}


def test_the_text_of_a_row_that_cannot_be_read_goes_when_it_names_an_erased_customer(refused, lake, run_job):
    named = ("1,GONE-1", '2,x,x,"GONE-1",x', "3,mail to JO@example.org please", f"4,{D1},o4,c4,p4,GONE-1,sale,")
    others = ("5,GONE-12", "6,xGONE-1", "7,jo@example.orgs")
    land(lake, D1, "a.csv", *named, *others, f"8,{D1},o,c1,p,1,sale,")
    run_job("ingest", D1, pseudonym_key=KEY)
    found = quarantine(refused)
    assert [found[line] for line in (2, 3, 4, 5)] == [ERASED] * 4
    assert [found[line][1] for line in (6, 7, 8)] == list(others)
    assert refused.read(RAW_TRANSACTIONS).count() == 1 and len(HEADER.split(",")) == 8
