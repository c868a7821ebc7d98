"""Replay: quarantined rows come back once, under the ids that they would have had, whatever happens on the way."""

import gzip
import json

import pytest

from jobs.errors import ContractError, MissingInputError, TemporaryError
from jobs.lake_lock import only
from jobs.tables import Run
from schemas.ops import OPS_REPLAY, OPS_RUN
from schemas.raw import RAW_QUARANTINE, RAW_TRANSACTIONS
from schemas.score import CUSTOMER_360
from tests.jobs.landed import D1, D2, D3, HEADER, land, line

WITHOUT_ID = HEADER.removeprefix("event_id,")


@pytest.fixture
def ids(raw):
    """(event_id, ingest_date) of `raw_transactions`."""
    return lambda: [(event_id, day) for event_id, day, _ in raw()]


@pytest.fixture
def mended(lake, run_job):
    """`mended(day, change, *options)`: draft what the options name, change each row, replay the repair."""

    def mend(day, change, *options: str):
        draft = lake.parent / "draft.jsonl"
        run_job("replay", day, None, *options, "--draft", str(draft))
        told = [json.loads(text) for text in draft.read_text("utf-8").split("\n") if text]
        for row in told:
            change(row["row"])
        draft.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in told), "utf-8")
        run_job("replay", day, None, "--repair", str(draft))
        return told

    return mend


def future(*numbers: str) -> list[str]:
    return [line(number, D3) for number in numbers]


def test_rows_that_the_rules_allow_by_now_come_back_once_and_the_equation_holds(lake, run_job, night, ids, told):
    land(lake, D1, "a.csv", line("1"), *future("2", "3"))
    night(D1, future_tolerance_minutes=0)
    for _ in range(2):
        run_job("replay", D3, None, "--reason", "event_at lies after", future_tolerance_minutes=0)
    night(D3, future_tolerance_minutes=0)
    run_job("replay", D3, None, "--reason", "event_at lies after", future_tolerance_minutes=0)
    assert ids() == [("1", D1), ("2", D3), ("3", D3)]
    assert told() == {D1: (1, 0, 2), D3: (2, 0, 0)}
    assert len(list((lake / "landing" / "transactions" / f"dt={D3}").iterdir())) == 1


def test_rows_that_still_break_a_rule_stay_and_come_back_when_they_keep_it(lake, run_job, night, ids, told, make_run):
    land(lake, D1, "a.csv", line("2", D2), line("3", D3))
    night(D1, future_tolerance_minutes=0)
    for day in (D2, D3):
        run_job("replay", day, None, "--reason", "after the run's day", future_tolerance_minutes=0)
        night(day, future_tolerance_minutes=0)
    assert ids() == [("2", D2), ("3", D3)] and told() == {D1: (0, 0, 2), D2: (1, 0, 0), D3: (1, 0, 0)}
    marks = {row.source_line: row.replayed_date for row in make_run(D1).read(OPS_REPLAY).collect()}
    assert marks == {2: D2, 3: D3}


def test_nothing_is_landed_where_no_row_keeps_the_rules(lake, run_job, night, make_run):
    land(lake, D1, "a.csv", line("1", amount="ten"), line("2", amount="private"))
    night(D1)
    with pytest.raises(
        ContractError, match=r"none of the 2 rows left .*/a\.csv line 2 \(line_amount is no decimal"
    ) as told:
        run_job("replay", D2, None, "--reason", "no decimal")
    assert "ten" not in str(told.value)
    assert make_run(D1).read(OPS_REPLAY).count() == 0 and not (lake / "landing" / "transactions" / f"dt={D2}").exists()


def test_mended_rows_come_back_once_typed_ones_and_torn_ones(lake, night, ids, mended, make_run):
    land(lake, D1, "a.csv", line("1"), line("2", amount="ten"), line("3").rsplit(",", 1)[0])
    night(D1)
    drafted = mended(
        D2, lambda row: row.update(line_amount="10", currency=None), "--file", "transactions/dt=2024-03-01/a.csv"
    )
    assert [row["source_line"] for row in drafted] == [3, 4]
    night(D2)
    assert ids() == [("1", D1), ("2", D2), ("3", D2)]
    rows = make_run(D1).read(RAW_TRANSACTIONS).filter("line_amount = 10").collect()
    assert {row.event_id for row in rows} == {"2", "3"} and {row.event_date for row in rows} == {D1}


def test_mended_rows_without_an_id_get_that_of_the_mended_file(lake, night, ids, mended, told):
    """Of three equal purchases two were bad: three they are, and the mended file brings none of them again."""
    good = line("1").removeprefix("1,")
    land(lake, D1, "a.csv", good, good.replace("9.50", "ten"), good.replace("9.50", "9,50"), header=WITHOUT_ID)
    night(D1)
    for reason in ("no decimal", "fields instead"):  # one after the other: the second counts the first
        mended(D2, lambda row: row.update(line_amount="9.50", line_type="sale", currency=None), "--reason", reason)
    night(D2)
    assert len(ids()) == 3
    land(lake, D3, "mended.csv", good, good, good, header=WITHOUT_ID)
    night(D3)
    assert len(ids()) == 3 and told()[D3] == (0, 3, 0)


def test_a_row_that_is_mended_to_another_rows_id_stays_in_quarantine_and_is_told(
    lake, run_job, night, ids, mended, make_run, caplog
):
    land(lake, D1, "a.csv", line("1"), *(line(number, amount="ten") for number in "2345"))
    land(lake, D2, "b.csv", line("6", D2))
    night(D1)
    night(D2)

    def mend(row):  # to an id of an earlier night, of this night, of the same draft, and of its own
        row.update(line_amount="10", event_id={"2": "1", "3": "6", "4": "5"}.get(row["event_id"], "5"))

    with caplog.at_level("INFO", "nightjar"):
        mended(D2, mend, "--reason", "no decimal")
    assert "step=replay left in quarantine=3" in caplog.text and "(its event_id is another row's)" in caplog.text
    assert make_run(D2).read(OPS_REPLAY).count() == 1
    with pytest.raises(ContractError, match="none of the 3 rows left"):  # before ingest has read the first
        run_job("replay", D2, None, "--repair", str(lake.parent / "draft.jsonl"))
    night(D2)
    assert ids() == [("1", D1), ("5", D2), ("6", D2)]


def test_a_row_that_came_again_in_between_is_a_duplicate(lake, run_job, night, ids, told):
    land(lake, D1, "a.csv", *future("2"))
    night(D1, future_tolerance_minutes=0)
    land(lake, D2, "b.csv", line("2", D2))
    night(D2)
    run_job("replay", D3, None, "--reason", "after")
    night(D3)
    assert ids() == [("2", D2)] and told()[D3] == (0, 1, 0)


def test_money_comes_back_when_its_rate_is_known(lake, run_job, night, raw):
    land(lake, D1, "a.csv", line("1", currency="USD"), line("2"))
    night(D1)
    header = "event_at,rate_date,currency,exchange_rate"
    land(lake, D2, "r.csv", f"{D2}T00:00:00Z,{D1},USD,0.92", header=header, source="exchange_rates")
    night(D2)
    run_job("replay", D3, None, "--reason", "no exchange rate")
    night(D3)
    assert [(event_id, day) for event_id, day, _ in raw()] == [("1", D3), ("2", D1)]


def test_columns_that_no_contract_knows_come_back_with_their_row(lake, run_job, night, make_run):
    land(lake, D1, "a.csv", line("1", D3) + ",7", header=HEADER + ",till")
    night(D1, future_tolerance_minutes=0)
    run_job("replay", D3, None, "--reason", "after")
    night(D3)
    [row] = make_run(D3).read(RAW_TRANSACTIONS).collect()
    assert row["_extra"] == {"till": "7"}


def test_a_file_and_a_row_over_a_limit_come_back_when_it_is_raised(lake, run_job, night, ids, told):
    """Their text is cut, or none: they are read from their files once more."""
    limits = {"maximum_row_kb": 16, "maximum_unpacked_mb": 1}
    long = [f"{line(number)},{'x' * 20_000}" for number in ("2", "3")]
    land(lake, D1, "a.csv", line("1") + ",", *long, header=HEADER + ",note")
    packed = lake / "landing" / "transactions" / f"dt={D1}" / "b.csv.gz"
    rows = [f"{D1}T10:00:00Z,o{n // 2},c1,p1,9.50,sale,EUR" for n in range(30_000)]  # each twice
    packed.write_bytes(gzip.compress("\n".join((WITHOUT_ID, *rows)).encode()))
    night(D1, **limits)
    assert told() == {D1: (1, 0, 3)}
    with pytest.raises(ContractError, match=r"line 3 \(a row of"):
        run_job("replay", D2, None, "--reason", "longer than", **limits)
    for reason in ("unpacks to more", "longer than", "unpacks to more"):
        run_job("replay", D2, None, "--reason", reason)
    night(D2)
    assert told()[D2] == (30_002, 0, 0) and len(ids()) == 30_003


@pytest.mark.parametrize("has_read", [False, True])
def test_a_replay_killed_before_its_marks_is_done_again_without_doubling(
    has_read, lake, run_job, night, ids, told, monkeypatch
):
    land(lake, D1, "a.csv", line("1"), *future("2"))
    night(D1, future_tolerance_minutes=0)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(Run, "merge", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        run_job("replay", D3, None, "--reason", "after")
    if has_read:
        night(D3)
    run_job("replay", D3, None, "--reason", "after")
    night(D3)
    assert ids() == [("1", D1), ("2", D3)] and told()[D3] == (1, 0, 0)


def test_reruns_of_both_nights_leave_the_same_rows(lake, run_job, night, make_run, assert_rows):
    strict = {"future_tolerance_minutes": 0}
    land(lake, D1, "a.csv", line("1"), *future("2"))
    land(lake, D3, "c.csv", line("4", D3))
    night(D1, **strict)
    run_job("replay", D3, None, "--reason", "after", **strict)
    night(D3, **strict)
    tables = (RAW_TRANSACTIONS, RAW_QUARANTINE, OPS_RUN, OPS_REPLAY)
    before = {table.name: make_run(D1).read(table).toPandas() for table in tables}
    for day in (D1, D3):
        night(day, **strict)
    run_job("replay", D3, None, "--reason", "after", **strict)
    for table in tables:
        assert_rows(
            make_run(D1).read(table), make_run(D1).spark.createDataFrame(before[table.name], table.struct), table
        )


def test_rows_of_the_erased_stay_out_of_the_landing_folder(lake, run_job, night, ids, make_run):
    other = line("3", D3).replace("c1", "c2")
    land(lake, D1, "a.csv", *future("2"), other)
    night(D1, future_tolerance_minutes=0)
    run_job("erase", D1, None, "--customer", "c1")
    run_job("replay", D3, None, "--reason", "after")
    night(D3)
    assert ids() == [("3", D3)]
    [path] = (lake / "landing" / "transactions" / f"dt={D3}").iterdir()
    assert '"c1"' not in path.read_text()


def test_a_repair_that_names_an_erased_customer_is_refused(lake, run_job, night, mended):
    land(lake, D1, "a.csv", line("2", amount="ten").replace("c1", "c2"))
    night(D1)
    run_job("erase", D1, None, "--customer", "c1")
    with pytest.raises(ContractError, match="the customer was erased"):
        mended(D2, lambda row: row.update(customer_id="c1", line_amount="1"), "--reason", "no decimal")


def test_a_published_night_takes_no_replay(lake, run_job, night, make_run, frame):
    land(lake, D1, "a.csv", *future("2"))
    night(D1, future_tolerance_minutes=0)
    make_run(D2).replace(frame(CUSTOMER_360, {"as_of_date": D2}), CUSTOMER_360)
    with pytest.raises(MissingInputError, match=f"{D2} is published"):
        run_job("replay", D2, None, "--reason", "after")


def test_a_row_that_is_not_there_says_what_to_do(lake, run_job, night):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    with pytest.raises(MissingInputError, match="no quarantined row matches"):
        run_job("replay", D2, None, "--reason", "anything")
    with pytest.raises(MissingInputError, match="which rows"):
        run_job("replay", D2)


def test_a_doubled_name_or_a_nested_value_does_not_slip_in_by_replay(lake, run_job, night):
    folder = lake / "landing" / "transactions" / f"dt={D1}"
    folder.mkdir(parents=True)
    row = dict(zip(HEADER.split(","), line("1").split(","), strict=True))
    doubled = json.dumps(row)[:-1] + ', "customer_id": "c2"}'
    (folder / "a.jsonl").write_text(doubled + "\n" + json.dumps(row | {"customer_id": {"id": "c1"}}) + "\n")
    night(D1)
    with pytest.raises(ContractError, match=r"first transactions/dt=2024-03-01/a\.jsonl line 1"):
        run_job("replay", D2, None, "--source", "transactions", "--reason", "customer_id")


def test_a_draft_that_was_spoilt_says_which_line(lake, run_job, night):
    land(lake, D1, "a.csv", line("1", amount="ten"))
    night(D1)
    draft = lake.parent / "draft.jsonl"
    run_job("replay", D2, None, "--reason", "no decimal", "--draft", str(draft))
    good = draft.read_text()
    other = json.dumps(json.loads(good) | {"source_line": 9})
    for spoilt, said in (
        ("{", "no line of a draft"),
        (other, "no such row"),
        (good + good, "line 2: this row is mended twice"),
        (json.dumps(json.loads(good) | {"source_file": ["a"]}), "line 1 is no line of a draft"),
        (json.dumps(json.loads(good) | {"source_line": 1.5}), "line 1 is no line of a draft"),
        (json.dumps(json.loads(good) | {"row": [1, 2]}), "line 1: row is empty, or no object"),
        ("\xff", "line 1 is no line of a draft"),
    ):
        draft.write_text(spoilt, "latin-1")
        with pytest.raises(MissingInputError, match=said):
            run_job("replay", D2, None, "--repair", str(draft))


def test_a_draft_of_texts_with_unusual_line_ends_is_read_again(lake, run_job, night, ids, mended):
    land(lake, D1, "a.csv", line("1\u20282", amount="ten"), line("3\x854", amount="ten"))
    night(D1)
    mended(D2, lambda row: row.update(line_amount="10"), "--reason", "no decimal")
    night(D2)
    assert len(ids()) == 2


def test_of_two_replays_at_once_one_is_sent_away(lake, run_job, night):
    land(lake, D1, "a.csv", *future("2"))
    night(D1, future_tolerance_minutes=0)
    with only(lake / "_staging" / "replay.lock", "replay"), pytest.raises(TemporaryError, match="another replay"):
        run_job("replay", D3, None, "--reason", "after")


def test_a_night_run_again_under_the_new_rule_does_not_double_what_was_replayed(lake, run_job, night, ids, told):
    land(lake, D1, "a.csv", line("1"), *future("2"))
    night(D1, future_tolerance_minutes=0)
    run_job("replay", D3, None, "--reason", "after")
    night(D3)
    night(D1)  # with the usual tolerance of a day
    night(D1, future_tolerance_minutes=3 * 24 * 60)
    assert ids() == [("1", D1), ("2", D3)] and told() == {D1: (1, 1, 0), D3: (1, 0, 0)}
    night(D3)
    assert ids() == [("1", D1), ("2", D3)] and told() == {D1: (1, 1, 0), D3: (1, 0, 0)}


def test_a_line_whose_rate_has_come_since_is_replayed(lake, run_job, night, ids, told):
    land(lake, D1, "a.csv", line("1", currency="USD"))
    night(D1)
    rates = "event_at,rate_date,currency,exchange_rate"
    land(lake, D2, "rates.csv", f"{D2}T06:00:00Z,{D1},USD,0.9", header=rates, source="exchange_rates")
    night(D2)
    run_job("replay", D3, None, "--reason", "no exchange rate")
    night(D3)
    assert ids() == [("1", D3)]


def test_an_erasure_takes_its_customer_out_of_replayed_files_and_they_are_not_read_again(
    lake, run_job, night, ids, told
):
    land(lake, D1, "a.csv", *future("2"), line("3", D3).replace("c1", "c2"))
    night(D1, future_tolerance_minutes=0)
    run_job("replay", D3, None, "--reason", "after")
    night(D3)
    run_job("erase", D3, None, "--customer", "c1")  # fails where the search still finds one
    night(D3)
    assert ids() == [("3", D3)] and told()[D3] == (1, 0, 0)


def test_rows_that_were_put_back_are_told_so_and_no_fault_of_theirs(lake, run_job, night, mended, caplog):
    land(lake, D1, "a.csv", line("1", amount="ten"), line("2", amount="eleven"), line("3", amount="private"))
    night(D1)

    def mend(row):
        row["line_amount"] = "10.00"

    mended(D2, mend, "--file", f"transactions/dt={D1}/a.csv", "--line", "2")
    mended(D2, mend, "--file", f"transactions/dt={D1}/a.csv", "--line", "3")
    with caplog.at_level("INFO", "nightjar"):
        run_job("replay", D2, None, "--repair", str(lake.parent / "draft.jsonl"))
    assert "step=replay 1 row was put back already" in caplog.messages
    with pytest.raises(ContractError, match=r"line 4 .*; 2 rows were put back already"):
        run_job("replay", D2, None, "--reason", "is no decimal")
