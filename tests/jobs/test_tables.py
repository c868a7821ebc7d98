"""Writes replace exactly their slice or merge by key, or leave nothing."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from jobs import tables
from jobs.errors import ContractError, TemporaryError
from jobs.settings import Settings
from jobs.tables import Run
from schemas.clean import CLEAN_SESSIONS
from schemas.contract import Table
from schemas.ops import OPS_FILE, OPS_RUN
from schemas.score import SCORE_EMBEDDING, SCORE_RFM

D1 = date(2024, 3, 1)
D2, D3 = D1 + timedelta(days=1), D1 + timedelta(days=2)


def counted(day: date, source: str, rows: int = 1, new: int | None = None) -> dict:
    told = {"file_count": 1, "file_row_count": rows, "new_row_count": rows if new is None else new}
    return {"ingest_date": day, "source": source} | told | {"duplicate_row_count": 0, "quarantined_row_count": 0}


@pytest.fixture
def kept(make_run, frame, assert_rows):
    """Check that `ops_run` holds exactly these rows."""
    return lambda *rows: assert_rows(make_run(D1).read(OPS_RUN), list(rows), OPS_RUN)


@pytest.fixture
def three_days(make_run, frame):
    make_run(D1, D3).replace(frame(OPS_RUN, *(counted(day, "a") for day in (D1, D2, D3))), OPS_RUN)


def test_a_replace_changes_its_days_alone(three_days, make_run, frame, kept):
    make_run(D2).replace(frame(OPS_RUN, counted(D2, "b"), counted(D2, "c")), OPS_RUN)
    kept(counted(D1, "a"), counted(D2, "b"), counted(D2, "c"), counted(D3, "a"))
    make_run(D2, D3).replace(frame(OPS_RUN, counted(D3, "d")), OPS_RUN)
    kept(counted(D1, "a"), counted(D3, "d"))


def test_a_clear_leaves_what_it_is_told_to_spare(three_days, make_run, kept):
    make_run(D1, D3).clear(OPS_RUN, spared={D2})
    kept(counted(D2, "a"))


def test_a_replace_again_leaves_the_same_rows(three_days, make_run, frame, kept):
    for _ in range(3):
        make_run(D2).replace(frame(OPS_RUN, counted(D2, "b")), OPS_RUN)
    kept(counted(D1, "a"), counted(D2, "b"), counted(D3, "a"))


def test_no_rows_empty_the_slice(three_days, make_run, frame, kept):
    make_run(D2).replace(frame(OPS_RUN), OPS_RUN)
    kept(counted(D1, "a"), counted(D3, "a"))


def test_a_further_condition_narrows_the_slice(three_days, make_run, frame, kept):
    run = make_run(D1, D3)
    run.replace(frame(OPS_RUN, counted(D3, "e")), OPS_RUN, also="ingest_date IN (DATE'2024-03-03')")
    kept(counted(D1, "a"), counted(D2, "a"), counted(D3, "e"))


def test_a_row_outside_the_slice_fails_the_write_and_nothing_stays(three_days, make_run, frame, kept):
    with pytest.raises(ContractError, match=r"ops_run: ingest_date must lie in the slice 2024-03-02\.\.2024-03-02"):
        make_run(D2).replace(frame(OPS_RUN, counted(D2, "b"), counted(D3, "b")), OPS_RUN)
    kept(counted(D1, "a"), counted(D2, "a"), counted(D3, "a"))


def test_a_row_without_a_day_fails_the_write(three_days, make_run, frame):
    with pytest.raises(ContractError, match="ops_run: ingest_date must be never null"):
        make_run(D2).replace(frame(OPS_RUN, counted(D2, "b") | {"ingest_date": None}), OPS_RUN)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"file_row_count": 9}, "file_row_count must be new"),
        ({"source": None}, "source must be never null"),
        ({"file_count": -1}, "file_count must be at least 0"),
    ],
)
def test_a_row_against_the_contract_fails_the_write_and_nothing_stays(
    wrong, sentence, three_days, make_run, frame, kept
):
    with pytest.raises(ContractError, match=f"ops_run: {sentence}.*nothing was written"):
        make_run(D2).replace(frame(OPS_RUN, counted(D2, "b"), counted(D2, "c") | wrong), OPS_RUN)
    kept(counted(D1, "a"), counted(D2, "a"), counted(D3, "a"))


def test_a_missing_column_is_named_and_nothing_is_written(make_run, frame):
    with pytest.raises(ContractError, match="ops_run: column source missing"):
        make_run(D1).replace(frame(OPS_RUN, counted(D1, "a")).drop("source"), OPS_RUN)
    assert not make_run(D1).read(OPS_RUN).count()


def test_a_further_column_does_not_reach_the_table(make_run, frame, kept):
    make_run(D1).replace(frame(OPS_RUN, counted(D1, "a")).selectExpr("*", "1 AS surplus"), OPS_RUN)
    kept(counted(D1, "a"))


def test_a_clear_leaves_the_other_days(three_days, make_run, kept):
    make_run(D2, D3).clear(OPS_RUN)
    kept(counted(D1, "a"))


def session(name: str, events: int) -> dict:
    return {"session_id": name, "event_count": events}


def test_a_merge_updates_what_is_there_and_adds_the_rest_however_often(make_run, frame, assert_rows):
    run = make_run(D1)
    run.merge(frame(CLEAN_SESSIONS, session("a", 1), session("b", 1)), CLEAN_SESSIONS)
    for _ in range(2):
        run.merge(frame(CLEAN_SESSIONS, session("b", 5), session("c", 2)), CLEAN_SESSIONS)
    assert_rows(run.read(CLEAN_SESSIONS), [session("a", 1), session("b", 5), session("c", 2)], CLEAN_SESSIONS)


def test_a_merge_takes_out_what_is_gone_in_the_same_commit(make_run, frame, assert_rows):
    from deltalake import DeltaTable

    run = make_run(D1)
    run.merge(frame(CLEAN_SESSIONS, session("a", 1), session("b", 1)), CLEAN_SESSIONS)
    before = DeltaTable(str(run.path(CLEAN_SESSIONS))).version()
    run.merge(frame(CLEAN_SESSIONS, session("b", 5)), CLEAN_SESSIONS, frame(CLEAN_SESSIONS, session("a", 1)))
    assert_rows(run.read(CLEAN_SESSIONS), [session("b", 5)], CLEAN_SESSIONS)
    assert DeltaTable(str(run.path(CLEAN_SESSIONS))).version() == before + 1


def test_a_merge_finds_rows_wherever_the_cut_of_the_table_put_them(make_run, frame, assert_rows):
    """A row that changed its month, one that goes, one of before the table was cut, and one that is let alone."""
    run, march, april = make_run(D1), {"session_month": date(2024, 3, 1)}, {"session_month": date(2024, 4, 1)}
    before = [session(name, 1) | march for name in ("moved", "gone", "apart")]
    run.merge(frame(CLEAN_SESSIONS, *before), CLEAN_SESSIONS)
    run.merge(frame(CLEAN_SESSIONS, session("uncut", 1)), CLEAN_SESSIONS)
    DeltaTable(str(run.path(CLEAN_SESSIONS))).update(
        updates={"session_month": "NULL"}, predicate="session_id = 'uncut'"
    )
    rows = [session("moved", 2) | april, session("uncut", 2) | april, session("new", 2) | april]
    for _ in range(2):
        run.merge(frame(CLEAN_SESSIONS, *rows), CLEAN_SESSIONS, frame(CLEAN_SESSIONS, session("gone", 1)))
        assert_rows(run.read(CLEAN_SESSIONS), [*rows, session("apart", 1) | march], CLEAN_SESSIONS)


def test_a_merge_writes_only_the_parts_of_its_rows(make_run, frame):
    run = make_run(D1)
    months = [{"session_month": date(2024, month, 1)} for month in range(1, 6)]
    run.merge(frame(CLEAN_SESSIONS, *(session(str(n), 1) | month for n, month in enumerate(months))), CLEAN_SESSIONS)
    files = set(run.path(CLEAN_SESSIONS).rglob("*.parquet"))
    run.merge(frame(CLEAN_SESSIONS, session("0", 2) | months[0], session("x", 1) | months[4]), CLEAN_SESSIONS)
    new = set(run.path(CLEAN_SESSIONS).rglob("*.parquet")) - files
    assert {path.parent.name for path in new} == {"session_month=2024-01-01", "session_month=2024-05-01"}


def test_a_merge_against_the_contract_leaves_nothing(make_run, frame, assert_rows):
    run = make_run(D1)
    run.merge(frame(CLEAN_SESSIONS, session("a", 1)), CLEAN_SESSIONS)
    with pytest.raises(ContractError, match="clean_sessions: event_count must be at least 1"):
        run.merge(frame(CLEAN_SESSIONS, session("a", 0), session("b", 1)), CLEAN_SESSIONS)
    assert_rows(run.read(CLEAN_SESSIONS), [session("a", 1)], CLEAN_SESSIONS)


def test_a_table_without_slices_is_not_replaced(make_run, frame):
    with pytest.raises(ValueError, match="merged"):
        make_run(D1).replace(frame(CLEAN_SESSIONS), CLEAN_SESSIONS)


def test_a_table_is_empty_before_its_first_write_and_carries_its_words_after(make_run, frame):
    from deltalake import DeltaTable

    run = make_run(D1)
    assert run.read(OPS_FILE).columns == list(OPS_FILE.column_names) and run.read(OPS_FILE).count() == 0
    assert not run.exists(OPS_FILE)
    run.ensure(OPS_FILE)
    table = DeltaTable(str(run.path(OPS_FILE)))
    comments = {field.name: field.metadata.get("comment") for field in table.schema().fields}
    assert comments == {column.name: column.comment for column in OPS_FILE.columns}
    assert table.metadata().description == OPS_FILE.meaning and table.metadata().partition_columns == ["ingest_date"]


def test_a_run_knows_rows_up_to_its_day_and_brought_those_of_its_days(three_days, make_run):
    run = make_run(D2)
    assert {row.ingest_date for row in run.known(OPS_RUN).collect()} == {D1, D2}
    assert {row.ingest_date for row in make_run(D1).known(OPS_RUN).collect()} == {D1}
    assert {row.ingest_date for row in run.brought(OPS_RUN).collect()} == {D2}


def test_a_lost_commit_is_tried_again(make_run, monkeypatch):
    monkeypatch.setattr(tables.time, "sleep", lambda seconds: None)
    tries = []

    def write() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("Failed to commit transaction: 7")

    make_run(D1).commit(write, OPS_RUN, "test")
    assert len(tries) == 3


def test_a_commit_lost_again_and_again_is_for_another_time(make_run, monkeypatch):
    monkeypatch.setattr(tables.time, "sleep", lambda seconds: None)

    def write() -> None:
        raise RuntimeError("ConcurrentAppendException")

    with pytest.raises(TemporaryError, match=f"other writers won {tables.COMMIT_TRIES} times"):
        make_run(D1).commit(write, OPS_RUN, "test")


def test_delta_rs_own_word_for_a_lost_commit_is_known(make_run, monkeypatch):
    monkeypatch.setattr(tables.time, "sleep", lambda seconds: None)

    def write() -> None:
        raise CommitFailedError("in whatever words")

    with pytest.raises(TemporaryError):
        make_run(D1).commit(write, OPS_RUN, "test")


def test_another_error_is_not_tried_again(make_run):
    tries = []

    def write() -> None:
        tries.append(1)
        raise RuntimeError("no such thing")

    with pytest.raises(RuntimeError, match="no such thing"):
        make_run(D1).commit(write, OPS_RUN, "test")
    assert len(tries) == 1


def test_a_column_that_the_contract_got_since_is_added_and_older_rows_have_null_there(make_run, frame) -> None:
    earlier = replace(SCORE_RFM, columns=tuple(c for c in SCORE_RFM.columns if c.name != "monetary_score"))
    day, next_day = date(2024, 1, 31), date(2024, 2, 1)
    make_run(day).replace(frame(earlier, {"as_of_date": day, "segment": "loyal"}), earlier)
    rows = frame(SCORE_RFM, {"as_of_date": next_day, "segment": "new", "monetary_score": 3})
    make_run(next_day).replace(rows, SCORE_RFM)
    found = make_run(next_day).read(SCORE_RFM).orderBy("as_of_date").collect()
    assert [(row.segment, row.monetary_score, row.model_version) for row in found] == [
        ("loyal", None, "model_version"),
        ("new", 3, "model_version"),
    ]


def test_a_stored_column_that_the_contract_lost_stops_the_write(make_run, frame) -> None:
    lesser = replace(SCORE_RFM, columns=tuple(c for c in SCORE_RFM.columns if c.name != "monetary_score"))
    day = date(2024, 1, 31)
    make_run(day).replace(frame(SCORE_RFM, {"as_of_date": day}), SCORE_RFM)
    with pytest.raises(ContractError, match="monetary_score is no longer in the contract"):
        make_run(day).replace(frame(lesser, {"as_of_date": day}), lesser)


def test_a_replace_of_a_table_with_arrays_leaves_other_days_alone(make_run, frame, assert_rows):
    for day in (D1, D2, D3):
        make_run(day).replace(frame(SCORE_EMBEDDING, {"as_of_date": day, "embedding": [1.0]}), SCORE_EMBEDDING)
    rows = frame(SCORE_EMBEDDING, *({"as_of_date": D2, "customer_id": name, "embedding": [2.0]} for name in "ab"))
    make_run(D2).replace(rows, SCORE_EMBEDDING)
    kept = [{"as_of_date": day, "embedding": [1.0]} for day in (D1, D3)]
    new = [{"as_of_date": D2, "customer_id": name, "embedding": [2.0]} for name in "ab"]
    assert_rows(make_run(D1).read(SCORE_EMBEDDING), kept + new, SCORE_EMBEDDING)


def test_a_row_of_another_day_stops_the_write_of_a_table_with_arrays(make_run, frame):
    with pytest.raises(ContractError, match="must lie in the slice"):
        make_run(D1).replace(frame(SCORE_EMBEDDING, {"as_of_date": D2, "embedding": [1.0]}), SCORE_EMBEDDING)


@pytest.fixture
def in_catalog(spark_connect, no_settings, tmp_path):
    """`in_catalog(day)`: a run whose tables have names in a catalog of Apache Spark."""

    def run(day: date) -> Run:
        settings = Settings(engine="spark", spark_remote=spark_connect, catalog="spark_catalog.nightjar", lake=tmp_path)
        return Run(as_of_date=day, first=day, settings=settings)

    run(D1).spark.sql(f"CREATE DATABASE nightjar LOCATION '{tmp_path / 'warehouse'}'").collect()
    yield run
    run(D1).spark.sql("DROP DATABASE nightjar CASCADE").collect()


@pytest.mark.spark
def test_a_table_in_a_catalog_gets_new_columns_and_a_lost_one_stops_the_write(in_catalog) -> None:
    lesser = replace(SCORE_RFM, columns=tuple(c for c in SCORE_RFM.columns if c.name != "monetary_score"))

    def write(day: date, table: Table, **values: object) -> None:
        run = in_catalog(day)
        rows = table.rows({"as_of_date": day, **values})
        run.replace(run.spark.createDataFrame(rows, table.struct), table)

    write(D1, lesser, segment="loyal")
    write(D2, SCORE_RFM, segment="new", monetary_score=3)
    found = in_catalog(D2).read(SCORE_RFM).orderBy("as_of_date").collect()
    assert [(row.segment, row.monetary_score) for row in found] == [("loyal", None), ("new", 3)]
    comments = {row.col_name: row.comment for row in in_catalog(D2).spark.sql("DESCRIBE nightjar.score_rfm").collect()}
    assert comments["monetary_score"] == SCORE_RFM["monetary_score"].comment
    with pytest.raises(ContractError, match="monetary_score is no longer in the contract"):
        write(D3, lesser)
