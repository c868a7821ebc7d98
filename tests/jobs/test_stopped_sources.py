"""A source whose file is not what the contract says stops alone, before a row of it is written, and unpublished."""

import logging
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.errors import ContractError, GateRefusedError, MissingInputError
from schemas.ops import OPS_FILE, OPS_RUN
from schemas.raw import RAW_CLICKSTREAM, RAW_QUARANTINE, RAW_TRANSACTIONS
from schemas.score import CUSTOMER_360
from tests.jobs.landed import D1, D2, D3, HEADER, land, line

CLICK_HEADER = "event_id,event_at,visitor_id,event_type"


def clicks(lake, day: date, name: str = "c.csv"):
    return land(lake, day, name, f"k{day},{day}T10:00:00Z,v1,view", header=CLICK_HEADER, source="clickstream")


@pytest.fixture
def stops(make_run):
    """(day, source, files, rows, reason) of the sources that were stopped."""

    def read(**given) -> list[tuple]:
        rows = make_run(D1, **given).read(OPS_RUN).filter("stopped_reason IS NOT NULL").collect()
        assert not any(row.is_tiled for row in rows)
        return [(r.ingest_date, r.source, r.file_count, r.file_row_count, r.stopped_reason) for r in rows]

    return read


def test_a_missing_required_column_stops_its_source_and_no_other(lake, run_job, make_run, stops, caplog):
    land(lake, D1, "a.csv", line("1"))
    land(lake, D1, "b.csv", "1,2024-03-01", header="order_id,event_at")
    clicks(lake, D1)
    with caplog.at_level(logging.INFO, "nightjar"):
        run_job("ingest", D1)
    reason = (
        "transactions/dt=2024-03-01/b.csv: required column line_amount, line_type, product_id missing; "
        "mend the file, or take it away, and run the ingest of 2024-03-01 again"
    )
    assert stops() == [(D1, "transactions", 2, 0, reason)]
    assert [one for one in caplog.messages if one.endswith(reason)] == [
        f"source=transactions stopped, the others go on: {reason}"
    ]
    run = make_run(D1)
    assert run.read(RAW_TRANSACTIONS).count() == 0 and run.read(RAW_CLICKSTREAM).count() == 1
    assert [row.source for row in run.read(OPS_FILE).collect()] == ["clickstream"]


@pytest.mark.parametrize("twice", ["customer_id", "coupon"])
def test_a_column_that_stands_twice_stops_its_source(twice, lake, run_job, stops):
    land(lake, D1, "a.csv", line("1") + ",c2,c3", header=f"{HEADER},{twice},{twice}")
    run_job("ingest", D1)
    assert f"a.csv: column {twice} stands there twice" in stops()[0][-1]


def test_a_parquet_column_of_another_kind_stops_its_source_and_of_a_fitting_one_does_not(lake, night, run_job, stops):
    good = {"event_id": ["1"], "event_at": [1709287200], "order_id": [7], "product_id": ["p"], "line_amount": [9.5]}
    good |= {"line_type": pa.array(["sale"]).dictionary_encode(), "customer_id": pa.nulls(1)}
    bad = good | {"line_amount": [D1], "order_id": [["o"]], "customer_id": [["c"]]}
    folder = lake / "landing" / "transactions"
    for day, columns in ((D1, good), (D2, good | {"event_id": ["2"]}), (D3, bad)):
        (folder / f"dt={day}").mkdir(parents=True)
        pq.write_table(pa.table(columns), folder / f"dt={day}" / "a.parquet")
    for day in (D1, D2):
        night(day)
    assert stops() == []
    run_job("ingest", D3)
    changed = "its type changed upstream"
    told = f"order_id is list<element: string>, no string: {changed}, line_amount is date32[day], no decimal(18,4)"
    assert f"a.parquet: column {told}: {changed}; mend" in stops()[0][-1]  # customer_id never had a value


def test_values_of_another_type_than_before_stop_their_source(lake, night, run_job, stops, make_run):
    land(lake, D1, "a.csv", *(line(f"a{n}") for n in range(10)))
    night(D1)
    land(lake, D2, "b.csv", *(line(f"b{n}", D2, amount="9.50 EUR" if n % 2 else "9.50") for n in range(10)))
    land(lake, D2, "c.csv", *(line(f"c{n}", D2) for n in range(10)))
    run_job("ingest", D2)
    [(day, source, files, rows, reason)] = stops()
    assert (day, source, files, rows) == (D2, "transactions", 2, 0)
    assert "b.csv: line_amount is no decimal(18,4) in 5 of 10 rows: its type changed upstream" in reason
    assert make_run(D2).brought(RAW_TRANSACTIONS).count() == make_run(D2).brought(RAW_QUARANTINE).count() == 0


def test_a_type_that_changes_amid_a_stretch_stops_its_source_as_nights_one_by_one_do(tmp_path, night, run_job, stops):
    one, other = tmp_path / "one", tmp_path / "other"
    for lake in (one, other):
        for number, day in enumerate((D1, D2)):
            land(lake, day, "a.csv", *(line(f"{day}{n}", day, amount=("9.50", "x")[number]) for n in range(10)))
    night(D1, lake=one)
    run_job("ingest", D2, lake=one)
    run_job("ingest", D2, D1, lake=other)
    [(day, source, files, rows, reason)] = stops(lake=one)
    assert stops(lake=other) == [(day, source, files, rows, reason)]
    assert (day, source) == (D2, "transactions")
    assert "a.csv: line_amount is no decimal(18,4) in 10 of 10 rows: its type changed upstream" in reason


def test_of_several_files_at_fault_the_first_is_named_whatever_its_fault(lake, night, run_job, stops):
    land(lake, D1, "a.csv", *(line(f"a{n}") for n in range(10)))
    night(D1)
    land(lake, D2, "b.csv", *(line(f"b{n}", D2, amount="x") for n in range(10)))
    land(lake, D2, "c.csv", *(line(f"c{n}", D2).replace(",sale,", ",,") for n in range(10)))
    told = []
    for name in ("b.csv", "c.csv"):
        run_job("ingest", D2)
        told.append(stops()[0][-1])
        land(lake, D2, name, line(name, D2))
    assert "b.csv: line_amount is no decimal" in told[0]
    assert "c.csv: required column line_type missing in all 10 rows" in told[1]


def test_a_parquet_column_whose_kind_changes_amid_a_stretch_stops_its_source(lake, run_job, stops):
    good = {"event_id": ["1"], "event_at": [1709287200], "order_id": ["o"], "product_id": ["p"], "line_amount": [9.5]}
    good |= {"line_type": ["sale"], "customer_id": pa.nulls(1)}
    for day, columns in ((D1, good), (D2, good | {"event_id": ["2"], "order_id": [["o"]], "customer_id": [["c"]]})):
        folder = lake / "landing" / "transactions" / f"dt={day}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table(columns), folder / "a.parquet")
    run_job("ingest", D2, D1)
    [(day, *_, reason)] = stops()
    assert day == D2 and "a.parquet: column order_id is list<element: string>, no string: its type" in reason


@pytest.mark.parametrize("column", ["quantity", "currency"])
def test_a_value_that_reads_like_a_reason_stops_no_source(column, lake, night, stops, told):
    land(lake, D1, "a.csv", *(line(f"a{n}") for n in range(10)))
    night(D1)
    crafted = "x; line_amount is no decimal(18,4): x"
    rows = (f'b{n},{D2}T10:00:00Z,o,c1,p1,9.50,sale,"{crafted}"' for n in range(10))
    land(lake, D2, "b.csv", *rows, header=HEADER.replace("currency", column))
    night(D2)
    assert stops() == [] and told()[D2] == (0, 0, 10)


def test_without_history_or_with_few_bad_rows_values_are_quarantined_one_by_one(lake, night, stops, told):
    land(lake, D1, "a.csv", *(line(f"a{n}", amount="x") for n in range(10)))
    night(D1)
    land(lake, D2, "b.csv", *(line(f"b{n}", D2, amount="x") for n in range(4)), *(line(f"c{n}", D2) for n in range(8)))
    night(D2)
    land(lake, D3, "c.csv", *(line(f"d{n}", D3, amount="x") for n in range(9)))
    night(D3)
    assert stops() == [] and told() == {D1: (0, 0, 10), D2: (8, 0, 4), D3: (0, 0, 9)}


def test_json_records_none_of_which_has_a_required_column_stop_their_source(lake, run_job, stops, told):
    folder = lake / "landing" / "clickstream" / f"dt={D1}"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text("".join(f'{{"event_at": "{D1}", "visitor_id": "v{n}"}}\n' for n in range(10)))
    run_job("ingest", D1)
    assert "a.jsonl: required column event_type missing in all 10 rows" in stops()[0][-1]
    (folder / "a.jsonl").write_text((folder / "a.jsonl").read_text() + f'{{"event_at": "{D1}"}}\n')
    run_job("ingest", D1)  # one row of eleven has another fault, but none has the column
    assert len(stops()) == 1
    good = f'{{"event_at": "{D1}", "visitor_id": "v", "event_type": "view"}}\n'
    (folder / "a.jsonl").write_text((folder / "a.jsonl").read_text() + good)
    run_job("ingest", D1)
    assert not stops() and told() == {D1: (1, 0, 11)}


def test_a_night_with_a_stopped_source_is_neither_published_nor_tiled_nor_passed_over(lake, run_job, night):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    land(lake, D2, "b.csv", "1", header="order_id")
    clicks(lake, D2)
    for job in ("ingest", "conform"):
        run_job(job, D2)
    with pytest.raises(GateRefusedError, match="ops_run transactions was read"):
        run_job("gate", D2, None, "--layer", "clean")
    with pytest.raises(ContractError, match=r"source transactions was stopped: .*b\.csv: required column"):
        run_job("tile", D2)
    with pytest.raises(MissingInputError, match="never finished, first 2024-03-02"):
        run_job("ingest", D3)


def test_the_mended_file_is_read_by_the_rerun_and_the_night_goes_on(lake, run_job, night, stops, raw, told):
    land(lake, D1, "b.csv", "1", header="order_id")
    clicks(lake, D1)
    run_job("ingest", D1)
    assert len(stops()) == 1
    land(lake, D1, "b.csv", line("1"), line("2"))
    for job in ("ingest", "conform", "gate", "tile"):
        run_job(job, D1, None, *(("--layer", "clean") if job == "gate" else ()))
    assert stops() == [] and raw() == [("1", D1, "b.csv"), ("2", D1, "b.csv")]
    land(lake, D2, "c.csv", line("3", D2))
    night(D2)


def test_a_tiled_night_that_a_new_file_stops_is_to_be_finished_again(lake, run_job, night, stops):
    clicks(lake, D1)
    night(D1)
    path = land(lake, D1, "b.csv", "1", header="order_id")
    run_job("ingest", D1)
    assert len(stops()) == 1
    with pytest.raises(MissingInputError, match="never finished"):
        run_job("ingest", D2)
    path.unlink()  # taken away: the night goes on without it
    night(D1)
    assert stops() == []
    night(D2)


def test_a_stretch_names_the_day_of_the_file_and_backfill_ends_there(lake, run_job, stops, make_run):
    land(lake, D1, "a.csv", line("1"))
    land(lake, D2, "b.csv", "1", header="order_id")
    clicks(lake, D1)
    run_job("ingest", D3, D1)
    assert [(day, source) for day, source, *_ in stops()] == [(D2, "transactions")]
    assert make_run(D1).read(RAW_TRANSACTIONS).count() == 0 and make_run(D1).read(RAW_CLICKSTREAM).count() == 1
    with pytest.raises(ContractError, match="stopped"):
        run_job("tile", D3, D1)
    land(lake, D2, "b.csv", line("2", D2))
    for job in ("ingest", "conform", "tile"):
        run_job(job, D3, D1)
    assert make_run(D1).read(RAW_TRANSACTIONS).count() == 2 and stops() == []


def test_rows_of_a_published_night_are_never_taken_out(lake, night, run_job, make_run, frame, raw):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    make_run(D1).replace(frame(CUSTOMER_360, {"as_of_date": D1}), CUSTOMER_360)
    land(lake, D2, "b.csv", "1", header="order_id")
    with pytest.raises(ContractError, match="2024-03-01 is published and stays: run the days after it alone"):
        run_job("ingest", D2, D1)
    run_job("ingest", D2)
    assert raw() == [("1", D1, "a.csv")]


def test_a_stopped_source_that_is_killed_while_it_stops_is_done_again(lake, run_job, stops, monkeypatch):
    from jobs import ingest

    land(lake, D1, "b.csv", "1", header="order_id")
    clicks(lake, D1)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(ingest, "write_register", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        run_job("ingest", D1)
    run_job("ingest", D1)
    assert len(stops()) == 1 and D1 + timedelta(days=1) == D2


def test_rows_that_an_earlier_try_of_the_night_wrote_go_with_their_source_and_come_back_once(lake, night, raw, told):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    path = land(lake, D1, "b.csv", "1", header="order_id")
    with pytest.raises(ContractError, match="stopped"):
        night(D1)
    assert raw() == []
    path.unlink()
    night(D1)
    assert raw() == [("1", D1, "a.csv")] and told() == {D1: (1, 0, 0)}
