"""Training frames: stored snapshots beside what came after them, and refusal where that is not known."""

from datetime import date, timedelta

import pyarrow.parquet as pq
import pytest

from jobs import training_frame as job
from jobs.errors import MissingInputError
from jobs.training_frame import training_frame
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY, FEATURES
from schemas.identity import CLEAN_IDENTITY

D, H = date(2024, 3, 1), 30
LATER, LAST = D + timedelta(days=20), D + timedelta(days=3 * H)


@pytest.fixture
def lake_of(make_run, frame):
    """`lake_of(*orders)`: a run of LAST, with snapshots of `a` and `b` at three dates and orders by days after D."""

    def make(*orders: tuple[str, int, float]):
        rows = [
            {"as_of_date": day, "customer_id": name, "order_count_lifetime": 2}
            for day in (D, LATER, LAST)
            for name in ("b", "a")
        ]
        make_run(D, LAST).replace(frame(FEATURE_CUSTOMER, *rows), FEATURE_CUSTOMER)
        tiles = [
            {"customer_id": name, "event_date": day, "ingest_date": day, "order_count": 1, "net_amount": amount}
            for name, after, amount in orders
            for day in [D + timedelta(days=after)]
        ]
        make_run(D - timedelta(days=9), D + timedelta(days=400)).replace(
            frame(FEATURE_CUSTOMER_DAY, *tiles), FEATURE_CUSTOMER_DAY
        )
        return make_run(LAST)

    return make


def labels_of(rows) -> dict[tuple[date, str], tuple[int, float]]:
    return {(row.as_of_date, row.customer_id): (row.later_order_count, row.later_net_revenue) for row in rows.collect()}


def test_a_row_is_a_snapshot_row_beside_what_came_strictly_after_it_until_the_horizon_ends(lake_of):
    run = lake_of(("a", 0, 1.0), ("a", 1, 2.0), ("a", 20, 4.0), ("a", H, 8.0), ("a", H + 1, 16.0), ("x", 2, 1.0))
    rows = training_frame(run, [LATER, D, D], H)
    assert rows.columns == [*job.KEY, "snapshot_version", *(feature.name for feature in FEATURES), *job.LABELS]
    assert labels_of(rows) == {(D, "a"): (3, 14.0), (D, "b"): (0, 0.0), (LATER, "a"): (2, 24.0), (LATER, "b"): (0, 0.0)}


def test_what_runs_after_the_runs_date_brought_is_no_label(lake_of, make_run, frame):
    run = lake_of(("a", 3, 2.0))
    late = {"customer_id": "a", "event_date": D + timedelta(days=4), "order_count": 1, "net_amount": 5.0}
    day = LAST + timedelta(days=1)
    make_run(day).replace(frame(FEATURE_CUSTOMER_DAY, late | {"ingest_date": day}), FEATURE_CUSTOMER_DAY)
    assert labels_of(training_frame(run, [D], H))[D, "a"] == (1, 2.0)


def test_later_orders_of_an_account_are_those_of_whom_it_was_known_to_be_at_the_date(lake_of, make_run, frame):
    run = lake_of(("a2", 5, 3.0), ("a3", 6, 50.0))
    merged = [
        {
            "identifier_kind": "customer",
            "identifier": account,
            "customer_id": "a",
            "valid_from": day,
            "ingest_date": day,
        }
        for account, day in (("a2", D), ("a3", D + timedelta(days=1)))
    ]
    make_run(D, LAST).replace(frame(CLEAN_IDENTITY, *merged), CLEAN_IDENTITY)
    assert labels_of(training_frame(run, [D], H))[D, "a"] == (1, 3.0)


def test_of_a_row_with_several_versions_the_highest_counts(lake_of, make_run, frame):
    lake_of()
    rows = [
        {"as_of_date": D, "customer_id": name, "snapshot_version": version, "order_count_lifetime": 10 * version}
        for name, version in (("a", 1), ("a", 3), ("a", 2), ("b", 1))
    ]
    make_run(D).replace(frame(FEATURE_CUSTOMER, *rows), FEATURE_CUSTOMER)
    found = training_frame(make_run(LAST), [D], H).collect()
    assert {(row.customer_id, row.snapshot_version, row.order_count_lifetime) for row in found} == {
        ("a", 3, 30.0),
        ("b", 1, 10.0),
    }


@pytest.mark.parametrize(
    ("dates", "horizon", "as_of", "told"),
    [
        ([D, D + timedelta(days=1)], H, LAST, "no snapshot of 2024-03-02; build it with .* --from 2024-03-02"),
        ([D, LATER], H, D + timedelta(days=H), "days after 2024-03-21 are not over: what is known ends on 2024-03-31"),
        ([LATER], 80, LAST + timedelta(days=99), "are not over: what is known ends on 2024-05-30"),
        ([D], 0, LAST, "a horizon of 0 days"),
        ([D], -1, LAST, "a horizon of -1 days"),
        ([], H, LAST, "no date"),
    ],
)
def test_dates_without_a_snapshot_or_with_unfinished_labels_are_refused(dates, horizon, as_of, told, lake_of, make_run):
    lake_of()
    with pytest.raises(MissingInputError, match=told):
        training_frame(make_run(as_of), dates, horizon)


def test_the_day_on_which_a_horizon_ends_is_over(lake_of, make_run):
    lake_of()
    assert training_frame(make_run(D + timedelta(days=H)), [D], H).count() == 2


def test_the_command_writes_the_same_rows_in_the_order_of_their_key(lake_of, run_job, tmp_path):
    rows = training_frame(lake_of(("a", 1, 2.0)), [D, LATER], H)
    path = tmp_path / "frame.parquet"
    options = ("--dates", str(LATER), str(D), "--horizon", str(H), "--to", str(path))
    run_job("training_frame", LAST, None, *options)
    table = pq.read_table(path)
    assert table.column_names == rows.columns
    assert table.select(["as_of_date", "customer_id"]).to_pylist() == [
        {"as_of_date": day, "customer_id": name} for day in (D, LATER) for name in ("a", "b")
    ]
    assert table.to_pylist() == [row.asDict() for row in rows.orderBy(*job.KEY).collect()]
