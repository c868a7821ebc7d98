"""An erasure amid nights: what is left in landing files stays known, and a killed one finds all again."""

import json
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from jobs import erase, identities
from schemas.ops import OPS_FILE
from schemas.raw import RAW_CLICKSTREAM
from tests.jobs.landed import D1, D2, D3, land, line

GONE = "GONE-01"


def test_a_file_of_lines_that_lost_all_its_rows_is_still_the_one_that_was_read(lake, night, make_run):
    row = {"event_id": "1", "event_at": f"{D1}T10:00:00Z", "order_id": "o", "product_id": "p", "line_type": "sale"}
    path = land(lake, D1, "a.csv", line("2")).with_name("a.jsonl")
    path.write_text(json.dumps(row | {"customer_id": GONE, "line_amount": "9.50"}) + "\n")
    night(D1)
    erase.erase(make_run(D3), {GONE})
    assert path.read_bytes() == b""
    night(D2)
    assert {row.ingest_date for row in make_run(D1).read(OPS_FILE).collect()} == {D1}
    night(D1)


def test_files_of_two_nights_that_became_the_same_stay_their_nights_own(lake, night, make_run):
    for day in (D1, D2):
        land(lake, day, "a.csv", line(str(day), day).replace(",c1,", f",{GONE},"))
        night(day)
    erase.erase(make_run(D3), {GONE})
    for day in (D1, D2):
        night(day)
    assert sorted(row.ingest_date for row in make_run(D1).read(OPS_FILE).collect()) == [D1, D2]


@pytest.mark.parametrize("killed_at", [table.name for table in erase.LINKS])
def test_an_erasure_killed_before_any_link_finds_browsers_without_a_login_again(
    killed_at, lake, make_run, frame, monkeypatch
):
    at = {"event_at": datetime(2024, 3, 1, 10, tzinfo=UTC), "event_date": D1, "ingest_date": D1, "event_type": "view"}
    clicks = (
        {"event_id": "1", "visitor_id": "his", "customer_id": GONE, "device_id": "device"},
        {"event_id": "2", "visitor_id": "guest", "device_id": "device"},
        {"event_id": "3", "visitor_id": "guest"},
        {"event_id": "4", "visitor_id": "another"},
    )
    make_run(D1).replace(frame(RAW_CLICKSTREAM, *(at | click for click in clicks)), RAW_CLICKSTREAM)
    identities.link(make_run(D1))
    erase_rows = erase.erase_rows

    def killed(run, table, sought):
        if table.name == killed_at:
            raise KeyboardInterrupt
        return erase_rows(run, table, sought)

    with monkeypatch.context() as broken:
        broken.setattr(erase, "erase_rows", killed)
        with suppress(KeyboardInterrupt):  # a table that this lake lacks stops nothing
            erase.erase(make_run(D3), {GONE})
    erase.erase(make_run(D3), {GONE})
    left = {table: make_run(D1).read(table).collect() for table in erase.LINKS if make_run(D1).exists(table)}
    assert [row.event_id for row in left.pop(RAW_CLICKSTREAM)] == ["4"] and not any(left.values())
