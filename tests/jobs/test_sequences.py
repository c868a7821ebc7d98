"""The job that writes inputs of sequence models: when it writes, when it refuses, and that an erasure reaches them."""

from datetime import date, timedelta

import pytest

from jobs.erase_tables import erase_rows
from jobs.erase_words import Sought
from jobs.errors import MissingInputError
from jobs.maintain import THINNED
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY
from schemas.ops import OPS_RUN
from schemas.score import CUSTOMER_360
from schemas.sequences import FEATURE_CUSTOMER_WEEK, FEATURE_EVENT_SEQUENCE
from tests.faults import shop
from tests.faults.compare import assert_same_rows

D1, D2 = date(2024, 3, 1), date(2024, 3, 2)
BOTH = (FEATURE_CUSTOMER_WEEK, FEATURE_EVENT_SEQUENCE)


def days(day: date) -> dict:
    return {"customer_id": "c", "event_date": day, "ingest_date": day}


@pytest.fixture
def shopped(make_run, frame):
    """A lake in which a customer clicked on two days, each with its snapshot; returns its run."""
    run = make_run(D1, D2)
    run.replace(
        frame(FEATURE_CUSTOMER_DAY, *(days(day) | {"click_count": 1} for day in (D1, D2))), FEATURE_CUSTOMER_DAY
    )
    clicks = [days(day) | {"event_id": str(day), "event_type": "view"} for day in (D1, D2)]
    run.replace(frame(CLEAN_EVENTS, *clicks), CLEAN_EVENTS)
    run.replace(frame(FEATURE_CUSTOMER, *({"as_of_date": day} for day in (D1, D2))), FEATURE_CUSTOMER)
    return run


@pytest.fixture
def told(shopped):
    """Clicks of the weeks and events of the sequences, by date."""

    def read() -> dict[date, tuple[int, int]]:
        weeks = {row.as_of_date: row.click_count for row in shopped.read(FEATURE_CUSTOMER_WEEK).collect()}
        events = [row.as_of_date for row in shopped.read(FEATURE_EVENT_SEQUENCE).collect()]
        return {day: (clicks, events.count(day)) for day, clicks in weeks.items()}

    return read


def test_a_rerun_leaves_each_date_once(run_job, told):
    for _ in range(2):
        run_job("sequences", D2, None, "--dates", str(D1), str(D2))
    assert told() == {D1: (1, 1), D2: (2, 2)}


def test_the_settings_say_how_far_back(run_job, told):
    run_job("sequences", D2, sequence_events=1)
    assert told() == {D2: (2, 1)}


def test_what_is_stored_of_a_published_date_stays_and_what_is_missing_comes(shopped, frame, make_run, run_job, told):
    run_job("sequences", D1)
    published = [{"as_of_date": day} for day in (D1, D2)]
    shopped.replace(frame(CUSTOMER_360, *published), CUSTOMER_360)
    more = [days(D1) | {"click_count": 5}, days(D2) | {"click_count": 5}]
    shopped.replace(frame(FEATURE_CUSTOMER_DAY, *more), FEATURE_CUSTOMER_DAY)
    make_run(D1).delete(FEATURE_EVENT_SEQUENCE, "true")  # as a job that was killed between the tables leaves it
    run_job("sequences", D2, None, "--dates", str(D1), str(D2))
    assert told() == {D1: (1, 1), D2: (10, 2)}


def test_a_date_without_a_snapshot_is_refused(shopped, run_job):
    late = D2 + timedelta(days=1)
    with pytest.raises(MissingInputError, match=f"no snapshot of {late}; run `python -m jobs.snapshot"):
        run_job("sequences", late, None, "--dates", str(D1), str(late))
    assert not any(shopped.exists(table) for table in BOTH)


def test_sequences_wait_until_the_nights_rows_are_in_the_tiles(shopped, frame, run_job):
    counts = dict.fromkeys(("file_row_count", "new_row_count", "duplicate_row_count", "quarantined_row_count"), 0)
    shopped.replace(frame(OPS_RUN, {"ingest_date": D2, "is_tiled": False} | counts), OPS_RUN)
    with pytest.raises(MissingInputError, match=f"run of {D2} brought is not in .*`python -m jobs.tile`"):
        run_job("sequences", D2)
    run_job("sequences", D1)


def test_both_tables_are_thinned_as_snapshots_are():
    assert set(BOTH) <= set(THINNED)


@pytest.mark.slow
def test_both_tables_tell_of_the_customers_and_an_erasure_reaches_both(copy_of):
    lake = copy_of("judged")
    shop.run(lake, ("sequences",), shop.PUBLISHED)
    before = {table: shop.stored(lake, table) for table in BOTH}
    orders = shop.stored(lake, CLEAN_ORDER_LINES)
    buyers = set(orders["customer_id"].to_pylist()) - {None}
    assert {"order", "return", "view", "review"} <= set(before[FEATURE_EVENT_SEQUENCE]["event_type"].to_pylist())
    for rows in before.values():
        assert len(buyers & set(rows["customer_id"].to_pylist())) > 0.9 * len(buyers)
    shop.run(lake, ("sequences",), shop.PUBLISHED)
    for table, rows in before.items():
        assert_same_rows(table, shop.stored(lake, table), rows)
    shop.run(lake, ("gate", "--layer", "feature"))  # a night for which nothing of both is written passes
    one = before[FEATURE_EVENT_SEQUENCE]["customer_id"].to_pylist()[0]
    shop.run(lake, ("erase", "--customer", one))
    for table, rows in before.items():
        left = shop.stored(lake, table)
        held = [name for name in table.customer_columns if name in left.column_names]
        assert not any(one in left[name].to_pylist() for name in held)
        assert len(left) == sum(one != other for other in rows["customer_id"].to_pylist())


def test_an_erased_account_takes_its_events_and_those_of_its_browser_out_of_the_persons_sequence(make_run, frame):
    run = make_run(D1)
    events = [{"event_rank": 1, "visitor_id": "v"}, {"event_rank": 2, "account_id": "b"}, {"event_rank": 3}]
    rows = [{"as_of_date": D1, "customer_id": "a", "account_id": "a"} | one for one in events]
    run.replace(frame(FEATURE_EVENT_SEQUENCE, *rows), FEATURE_EVENT_SEQUENCE)
    erase_rows(run, FEATURE_EVENT_SEQUENCE, Sought({"customer_id": {"b"}, "visitor_id": {"v"}}))
    assert [row.event_rank for row in run.read(FEATURE_EVENT_SEQUENCE).collect()] == [3]
