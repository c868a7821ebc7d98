"""Nights build on each other: none goes on past one that read files and was stopped before its tiles."""

from collections.abc import Callable
from pathlib import Path

import pytest

from jobs import backfill
from jobs.errors import GateRefusedError, MissingInputError
from schemas.feature import FEATURE_CUSTOMER_DAY
from schemas.ops import OPS_GATE, OPS_RUN
from schemas.score import CUSTOMER_360
from tests.faults import shop
from tests.jobs.landed import D1, D2, D3, land, line


@pytest.fixture
def tiled(make_run):
    """Whether each run is noted as tiled."""
    return lambda: {row.ingest_date: row.is_tiled for row in make_run(D1).read(OPS_RUN).collect()}


def test_no_night_begins_after_one_that_was_read_and_not_tiled(lake, run_job, night, raw):
    land(lake, D1, "a.csv", line("1"))
    land(lake, D2, "b.csv", line("2", D2))
    run_job("ingest", D1)
    with pytest.raises(MissingInputError, match=f"1 earlier nights .* first {D1}: repair it"):
        run_job("ingest", D2)
    assert raw() == [("1", D1, "a.csv")]
    night(D1)
    night(D2)
    assert raw() == [("1", D1, "a.csv"), ("2", D2, "b.csv")]


def test_a_night_that_never_ran_stops_nothing_and_its_files_come_late(lake, night, raw):
    land(lake, D1, "a.csv", line("1"))
    land(lake, D3, "c.csv", line("3", D3))
    night(D3)
    assert raw() == [("1", D3, "a.csv"), ("3", D3, "c.csv")]


def test_a_rerun_of_ingest_alone_leaves_its_night_finished_where_no_file_changed(lake, run_job, night, tiled):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    run_job("ingest", D1)
    assert tiled() == {D1: True}


def test_a_night_that_read_another_file_is_to_be_finished_again_and_so_are_the_later_ones(lake, run_job, night, tiled):
    for day, name in ((D1, "1"), (D2, "2"), (D3, "3")):
        land(lake, day, f"{name}.csv", line(name, day))
        night(day)
    land(lake, D2, "late.csv", line("late"))
    run_job("ingest", D2)
    assert tiled() == {D1: True, D2: False, D3: False}
    run_job("tile", D2)
    with pytest.raises(MissingInputError, match=f"first {D3}"):
        run_job("ingest", D3.replace(day=4))


def test_a_row_that_a_repaired_night_brought_is_a_duplicate_in_the_night_after_it(lake, night, raw):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    land(lake, D2, "b.csv", line("2", D2), line("late"))
    night(D2)
    land(lake, D1, "late.csv", line("late"))
    night(D1)
    night(D2)
    assert [event_id for event_id, _, _ in raw()] == ["1", "2", "late"]


def test_a_lake_from_before_the_note_goes_on(lake, night, make_run, frame, raw):
    from deltalake import write_deltalake

    rows = frame(OPS_RUN, {"ingest_date": D1}).drop("is_tiled").toArrow()
    write_deltalake(str(lake / OPS_RUN.name), rows, partition_by=["ingest_date"])
    land(lake, D2, "b.csv", line("2", D2))
    night(D2)
    assert raw() == [("2", D2, "b.csv")]


def test_a_file_that_comes_after_a_later_date_is_published_belongs_to_the_night_after_that(
    lake, night, raw, make_run, frame
):
    for day, name in ((D1, "1"), (D2, "2")):
        land(lake, day, f"{name}.csv", line(name, day))
        night(day)
    make_run(D2).replace(frame(CUSTOMER_360, {"as_of_date": D2}), CUSTOMER_360)
    land(lake, D1, "late.csv", line("late"))
    night(D1)
    assert raw() == [("1", D1, "1.csv"), ("2", D2, "2.csv")]
    night(D3, D1)  # a stretch says the same as its nights
    assert raw() == [("1", D1, "1.csv"), ("2", D2, "2.csv"), ("late", D3, "late.csv")]


@pytest.fixture
def refused(copy_of: Callable[[str], Path]) -> tuple[Path, Path, bytes]:
    """(a lake whose last night the clean gate refused, the landing file that lacks rows, its whole text)."""
    lake = copy_of("trained")
    [path] = (lake / "landing" / "transactions" / f"dt={shop.PUBLISHED}").iterdir()
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + len(lines) // 4]))
    shop.run_all(lake, (("ingest",), ("conform",)), shop.PUBLISHED)
    with pytest.raises(GateRefusedError):
        shop.run(lake, ("gate", "--layer", "clean"), shop.PUBLISHED)
    return lake, path, whole


def test_what_a_gate_refused_reaches_no_later_date_until_the_night_is_repaired(refused):
    lake, path, whole = refused
    with pytest.raises(MissingInputError, match="never finished"):
        shop.run(lake, ("ingest",), shop.NIGHT)
    with shop.lake_settings(lake), pytest.raises(MissingInputError, match=f"a gate refused {shop.PUBLISHED}"):
        backfill.main(["--to", str(shop.NIGHT)])
    path.write_bytes(whole)
    steps = (("ingest",), ("conform",), ("gate", "--layer", "clean"), ("tile",), ("snapshot",))
    for day in (shop.PUBLISHED, shop.NIGHT):
        shop.run_all(lake, steps, day)
    assert all(row["is_success"] for row in shop.stored(lake, OPS_GATE).to_pylist())
    brought = set(shop.stored(lake, FEATURE_CUSTOMER_DAY)["ingest_date"].to_pylist())
    assert {shop.PUBLISHED, shop.NIGHT} <= brought
