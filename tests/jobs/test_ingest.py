"""Ingest on small lakes: every landed row ends once, as new, duplicate or quarantined, whatever happens on the way."""

import json
import os
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from jobs import ingest, lake_lock
from jobs.errors import MissingInputError, TemporaryError
from jobs.tables import Run
from schemas.ops import OPS_FILE, OPS_RUN
from schemas.raw import RAW_CLICKSTREAM, RAW_QUARANTINE, RAW_TRANSACTIONS
from schemas.score import CUSTOMER_360
from tests.jobs.landed import D1, D2, D3, HEADER, land, line


def test_every_row_is_new_duplicate_or_quarantined(lake, run_job, told, raw, make_run):
    land(lake, D1, "a.csv", line("1"), line("2"), line("1"), line("3", amount="ten"), "short,row")
    run_job("ingest", D1)
    assert told() == {D1: (2, 1, 2)}
    assert raw() == [("1", D1, "a.csv"), ("2", D1, "a.csv")]
    refused = {row.source_line: (row.reason, row.original_text) for row in make_run(D1).read(RAW_QUARANTINE).collect()}
    assert refused[5][0] == "line_amount is no decimal(18,4): ten"
    assert json.loads(refused[5][1])["line_amount"] == "ten"
    assert refused[6] == ("2 fields instead of 8", "short,row")


def test_a_rerun_leaves_the_same_rows(lake, night, make_run, assert_rows):
    land(lake, D1, "a.csv", line("1"), line("2", amount="ten"))
    land(lake, D2, "b.csv", line("1"), line("3", D2))
    tables = (RAW_TRANSACTIONS, RAW_QUARANTINE, OPS_FILE, OPS_RUN)
    for day in (D1, D2):
        night(day)
    before = {table.name: make_run(D1).read(table).toPandas() for table in tables}
    for day in (D1, D2, D1):
        night(day)
    for table in tables:
        after = make_run(D1).read(table)
        assert_rows(after, make_run(D1).spark.createDataFrame(before[table.name], table.struct), table)


def test_a_stretch_of_days_gives_what_its_nights_give(tmp_path, night, make_run, assert_rows):
    one, other = tmp_path / "one", tmp_path / "other"
    for lake in (one, other):
        land(lake, D1, "a.csv", line("1"), line("1"), line("2", amount="ten"))
        land(lake, D2, "b.csv", line("1"), line("3", D1))
        land(lake, D3, "c.csv", line("3", D1), line("4", D3, currency="USD"))
        land(lake, D3, "again.csv", line("1"), line("3", D1))  # the file of the day before under another name
    for day in (D1, D2, D3):
        night(day, lake=one)
    night(D3, D1, lake=other)
    for table in (RAW_TRANSACTIONS, RAW_QUARANTINE, OPS_FILE, OPS_RUN):
        assert_rows(make_run(D1, lake=one).read(table), make_run(D1, lake=other).read(table), table)


def test_an_id_that_the_source_gave_is_a_duplicate_whatever_its_moment(tmp_path, night, make_run):
    """Nights one by one and a stretch say the same."""
    one, other = tmp_path / "one", tmp_path / "other"
    for lake in (one, other):
        land(lake, D1, "a.csv", line("1", D1))
        land(lake, D2, "b.csv", line("1", D2), line("2", D2))
    night(D1, lake=one)
    night(D2, lake=one)
    night(D2, D1, lake=other)
    for lake in (one, other):
        rows = make_run(D1, lake=lake).read(RAW_TRANSACTIONS).collect()
        assert sorted((row.event_id, row.event_date) for row in rows) == [("1", D1), ("2", D2)]


def test_moments_beyond_all_calendars_are_refused_and_the_other_rows_are_read(lake, run_job, told):
    without = HEADER.removeprefix("event_id,")
    days = ("0000-01-01", D1, "9999-12-31")
    rows = [f"{day}T23:59:59Z,o1,c1,p1,9.50,sale," for day in days]
    land(lake, D1, "a.csv", *rows, header=without)
    run_job("ingest", D1, business_timezone="America/New_York")
    assert told() == {D1: (1, 0, 2)}


def test_rows_without_an_id_are_duplicates_of_the_same_content(lake, night, told):
    without = HEADER.removeprefix("event_id,")
    same, other = f"{D1}T10:00:00Z,o1,c1,p1,9.50,sale,", f"{D1}T10:00:00Z,o2,c1,p1,9.50,sale,"
    land(lake, D1, "a.csv", same, header=without)
    land(lake, D2, "b.csv", same, other, header=without)
    night(D1)
    night(D2)
    assert told() == {D1: (1, 0, 0), D2: (1, 1, 0)}


def test_a_file_that_comes_late_belongs_to_the_run_that_first_reads_it(lake, night, raw, told):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    land(lake, D1, "late.csv", line("2"))
    night(D2)
    assert raw() == [("1", D1, "a.csv"), ("2", D2, "late.csv")] and told() == {D1: (1, 0, 0), D2: (1, 0, 0)}


def test_a_file_sent_twice_under_another_name_counts_once(lake, run_job, raw, told):
    land(lake, D1, "a.csv", line("1"))
    land(lake, D1, "b.csv", line("1"))
    run_job("ingest", D1)
    assert raw() == [("1", D1, "a.csv")] and told() == {D1: (1, 0, 0)}


def test_an_empty_file_is_noticed_every_night_not_only_the_first(lake, night, told):
    for day in (D1, D2):
        path = land(lake, day, "a.csv")
        path.write_bytes(b"")
        night(day)
    night(D2)
    assert told() == {D1: (0, 0, 1), D2: (0, 0, 1)}


def test_a_later_run_does_not_read_the_files_of_days_to_come(lake, run_job, raw):
    land(lake, D1, "a.csv", line("1"))
    land(lake, D2, "b.csv", line("2", D2))
    run_job("ingest", D1)
    assert [event_id for event_id, _, _ in raw()] == ["1"]


def test_a_published_date_takes_no_new_file_a_later_one_does(lake, night, raw, make_run, frame):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    make_run(D1).replace(frame(CUSTOMER_360, {"as_of_date": D1}), CUSTOMER_360)
    land(lake, D1, "late.csv", line("2"))
    night(D1)
    assert [event_id for event_id, _, _ in raw()] == ["1"]
    night(D2)
    assert raw() == [("1", D1, "a.csv"), ("2", D2, "late.csv")]


def test_a_file_read_before_and_gone_stops_the_run(lake, night, raw):
    path = land(lake, D1, "a.csv", line("1"))
    night(D1)
    path.unlink()
    with pytest.raises(MissingInputError, match=r"1 landing files .* gone, first transactions/dt=2024-03-01/a\.csv"):
        night(D1)
    assert [event_id for event_id, _, _ in raw()] == ["1"]


def test_money_of_another_currency_is_quarantined_without_a_rate_of_its_day(lake, run_job, told, make_run):
    land(lake, D1, "a.csv", line("1", currency="EUR"), line("2", currency="USD"), line("3"))
    run_job("ingest", D1)
    assert told() == {D1: (2, 0, 1)}
    [row] = make_run(D1).read(RAW_QUARANTINE).collect()
    assert row.reason == "no exchange rate to the shop's currency from USD on 2024-03-01"
    assert json.loads(row.original_text)["currency"] == "USD"  # it can be replayed


@pytest.mark.parametrize("killed_in", ["write_quarantine", "write_register", "typed", "tagged"])
def test_a_run_killed_on_the_way_is_done_again(killed_in, lake, night, raw, told, monkeypatch):
    land(lake, D1, "a.csv", line("1"), line("1"), line("2", amount="ten"))

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(ingest, killed_in, die)
        night(D1)
    night(D1)
    assert raw() == [("1", D1, "a.csv")] and told() == {D1: (1, 1, 1)}
    assert not (lake / "_staging" / "ingest").exists()


@pytest.mark.parametrize("again", [(D1, D2), (D2,)])
def test_the_night_after_a_killed_one_loses_no_row_and_doubles_none(again, lake, night, raw, told, monkeypatch):
    """Whether the killed night is run again or not, no row becomes a duplicate of one that no register knows."""
    land(lake, D1, "a.csv", line("1"))
    land(lake, D2, "b.csv", line("2", D2))
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(ingest, "write_register", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        night(D1)
    for day in again:
        night(day)
    assert raw() == [("1", again[0], "a.csv"), ("2", D2, "b.csv")]
    assert sum(new for new, *_ in told().values()) == 2 and not any(row[1:] != (0, 0) for row in told().values())


def test_rows_of_a_night_that_an_older_version_left_killed_are_no_duplicates(lake, night, raw, told, monkeypatch):
    """It noted its days in the staging folder."""
    land(lake, D1, "a.csv", line("1"))
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(ingest, "write_register", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        night(D1)
    (lake / ".ingesting").rename(lake / "_staging" / "ingest" / "days.txt")
    night(D2)
    assert raw() == [("1", D2, "a.csv")] and told() == {D2: (1, 0, 0)}


def test_a_night_killed_between_its_two_registers_stops_no_later_one(lake, night, raw, told, monkeypatch):
    land(lake, D1, "a.csv", line("1"))
    replace = Run.replace

    def die_at_files(self: Run, rows, table, *more, **given) -> None:
        if table is OPS_FILE:
            raise KeyboardInterrupt
        replace(self, rows, table, *more, **given)

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(Run, "replace", die_at_files)
        night(D1)
    night(D2)
    assert raw() == [("1", D2, "a.csv")] and told() == {D2: (1, 0, 0)}


def test_a_killed_rerun_is_done_again_before_the_next_night_and_no_row_is_lost(lake, night, raw, told, monkeypatch):
    """The late file's rows lie in the raw table, unregistered: the next night would call its own reading duplicates."""
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    land(lake, D1, "late.csv", line("late"))
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(ingest, "write_register", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        night(D1)
    with pytest.raises(
        MissingInputError, match=f"a rerun of {D1} was killed; run `python -m jobs.ingest --as-of {D1}`"
    ):
        night(D2)
    night(D1)
    night(D2)
    assert raw() == [("1", D1, "a.csv"), ("late", D1, "late.csv")] and told() == {D1: (2, 0, 0)}


def test_rows_of_an_erased_customer_count_and_leave_no_text(lake, run_job, make_run, night, raw, told):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    run_job("erase", D1, None, "--customer", "c1")
    land(lake, D2, "b.csv", line("2", D2), line("3", D2).replace("c1", "c2"))
    run_job("ingest", D2)
    assert raw() == [("3", D2, "b.csv")] and told()[D2] == (1, 0, 1)
    [row] = make_run(D2).read(RAW_QUARANTINE).collect()
    assert (row.reason, row.original_text) == ("the customer was erased", None)


def test_of_two_ingests_at_once_one_is_sent_away_and_nothing_is_lost(lake, run_job, raw):
    land(lake, D1, "a.csv", line("1"))
    with (
        lake_lock.only(lake / "_staging" / "ingest.lock", "ingest"),
        pytest.raises(TemporaryError, match="another ingest"),
    ):
        run_job("ingest", D1)
    run_job("ingest", D1)
    assert raw() == [("1", D1, "a.csv")]


def test_sources_that_are_absent_stay_absent(lake, run_job, make_run):
    land(lake, D1, "a.csv", line("1"))
    run_job("ingest", D1)
    assert not make_run(D1).exists(RAW_CLICKSTREAM)


def test_values_are_typed_and_dated_in_business_time(lake, run_job, make_run, assert_rows):
    land(lake, D1, "a.csv", "1,2024-03-01T23:30:00Z,o1,,p1,9.5,sale,")
    run_job("ingest", D2, business_timezone="Europe/Berlin")
    [row] = make_run(D2).read(RAW_TRANSACTIONS).collect()
    assert (row.event_date, row.customer_id, row.line_amount) == (D2, None, Decimal("9.5000"))


def test_a_lake_without_landing_says_what_to_do(run_job):
    with pytest.raises(MissingInputError, match=r"jobs\.land"):
        run_job("ingest", D1)


def test_a_folder_that_is_no_day_says_what_to_do(lake, run_job):
    (lake / "landing" / "transactions" / "dt=tomorrow").mkdir(parents=True)
    with pytest.raises(MissingInputError, match="rename it to dt=YYYY-MM-DD"):
        run_job("ingest", D1)


def test_a_day_that_is_a_file_says_what_to_do(lake, run_job):
    (lake / "landing" / "transactions").mkdir(parents=True)
    (lake / "landing" / "transactions" / f"dt={D1}").write_text("")
    with pytest.raises(MissingInputError, match=f"dt={D1} is a file"):
        run_job("ingest", D1)


def test_a_file_name_that_is_not_utf8_says_what_to_do(lake, run_job):
    path = land(lake, D1, "a.csv", line("1"))
    Path(os.fsdecode(os.fsencode(path.parent) + b"/caf\xe9.csv")).write_bytes(b"")
    with pytest.raises(MissingInputError, match=r"caf\\udce9\.csv' is not UTF-8; rename"):
        run_job("ingest", D1)


def test_an_unreadable_file_is_one_quarantined_row_and_the_others_are_read(lake, run_job, told, raw):
    land(lake, D1, "a.csv", line("1"))
    (lake / "landing" / "transactions" / f"dt={D1}" / "b.parquet").write_bytes(b"no parquet")
    run_job("ingest", D1)
    assert told() == {D1: (1, 0, 1)} and raw() == [("1", D1, "a.csv")]


RATES = "event_at,rate_date,currency,exchange_rate"


def rate(day: date, value: object, currency: str = "USD") -> str:
    return f"{day}T06:00:00Z,{day},{currency},{value}"


def test_money_of_another_currency_is_taken_with_the_rates_of_the_same_run(lake, run_job, told, make_run):
    land(lake, D1, "rates.csv", rate(D1, "0.9"), header=RATES, source="exchange_rates")
    land(
        lake,
        D1,
        "a.csv",
        line("1", currency="USD"),
        line("2", currency="CHF"),
        line("3", amount="9999999999", currency="USD"),
    )
    run_job("ingest", D1)
    assert make_run(D1).read(RAW_TRANSACTIONS).count() == 2
    [row] = make_run(D1).read(RAW_QUARANTINE).collect()
    assert row.reason == "no exchange rate to the shop's currency from CHF on 2024-03-01"


def test_a_rate_that_comes_a_night_later_lets_in_no_line_of_the_night_before(tmp_path, night, make_run):
    """Nights one by one and a stretch say the same."""
    one, other = tmp_path / "one", tmp_path / "other"
    for lake in (one, other):
        land(lake, D2, "rates.csv", rate(D1, "0.9"), header=RATES, source="exchange_rates")
        land(lake, D1, "a.csv", line("1", currency="USD"))
        land(lake, D2, "b.csv", line("2", D2, currency="USD"))
    night(D1, lake=one)
    night(D2, lake=one)
    night(D2, D1, lake=other)
    for lake in (one, other):
        run = make_run(D1, lake=lake)
        assert [row.event_id for row in run.read(RAW_TRANSACTIONS).collect()] == ["2"]
        assert [row.ingest_date for row in run.read(RAW_QUARANTINE).collect()] == [D1]


def test_a_rate_older_than_the_days_allowed_is_none(lake, run_job, told, make_run):
    land(lake, D1, "rates.csv", rate(D1, "0.9"), header=RATES, source="exchange_rates")
    land(lake, D3, "a.csv", line("1", D3, currency="USD"))
    run_job("ingest", D3, exchange_rate_days=1)
    assert told()[D3] == (0, 0, 1)


def test_money_that_another_currency_makes_too_large_is_quarantined(lake, run_job, make_run):
    land(lake, D1, "rates.csv", rate(D1, "1.5"), rate(D1, "0"), header=RATES, source="exchange_rates")
    land(lake, D1, "a.csv", line("1", amount="9999999999", currency="USD"))
    run_job("ingest", D1)
    reasons = {row.source: row.reason for row in make_run(D1).read(RAW_QUARANTINE).collect()}
    assert reasons == {
        "transactions": "money is too large in the shop's currency",
        "exchange_rates": "exchange_rate must be from 1e-06 to 1,000,000: 0",
    }


@pytest.mark.parametrize("text", ["", "soon", "2024-03-01", "2024-03-01 2024-03-01 2024-03-01", "\x00"])
def test_a_damaged_note_of_a_killed_run_is_told_in_one_line(text, lake, run_job):
    land(lake, D1, "a.csv", line("1"))
    note = lake / ".ingesting"
    note.write_text(text)
    with pytest.raises(MissingInputError, match=r"\.ingesting is damaged: write the first and the last day"):
        run_job("ingest", D1)
    assert note.read_text() == text


@pytest.mark.parametrize("count", [1, 2, 50])
def test_a_file_of_one_id_alone_has_one_new_row(count, lake, run_job, told):
    """A column of one value is a constant to Sail, over which its hash function once panicked."""
    land(lake, D1, "a.csv", *[line("1")] * count)
    run_job("ingest", D1)
    assert told() == {D1: (1, count - 1, 0)}


def test_a_file_without_a_good_row_is_quarantined(lake, run_job, told):
    land(lake, D1, "a.csv", "short", "row", "again")
    run_job("ingest", D1)
    assert told() == {D1: (0, 0, 3)}
