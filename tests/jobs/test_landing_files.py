"""Names and places under landing are read safely or refused, each in one line; none becomes a path or is lost."""

import os
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs.errors import MissingInputError
from schemas.raw import RAW_QUARANTINE
from tests.jobs.landed import D1, D2, D3, land, line


@pytest.fixture
def day(lake) -> Path:
    return land(lake, D1, "a.csv", line("1")).parent


@pytest.mark.parametrize(
    "name",
    [
        "it's.csv",
        'say "hi".csv',
        "a b  c.csv",
        "ü €.csv",
        "a;DROP TABLE x--.csv",
        "$(id).csv",
        "=1+1.csv",
        "..a.csv.csv",
    ],
)
def test_odd_names_are_names_and_no_more(name, lake, run_job, raw, make_run):
    if name.startswith("."):
        name = f"x{name}"
    land(lake, D1, name, line("1"), line("2", amount="ten"))
    run_job("ingest", D1)
    assert raw() == [("1", D1, name)]
    assert [row.source_file.rsplit("/")[-1] for row in make_run(D1).read(RAW_QUARANTINE).collect()] == [name]


@pytest.mark.parametrize("name", ["two\nlines.csv", "tab\t.csv", "\x1b[31mred.csv", "\u202egnp.csv"])
def test_names_with_control_characters_are_read_and_told_in_one_line(name, lake, day, run_job, raw, caplog):
    land(lake, D1, name, line("2"))
    run_job("ingest", D1)
    assert raw() == [("1", D1, "a.csv"), ("2", D1, name)]
    (day / name).unlink()
    with pytest.raises(MissingInputError, match="are gone, first") as refused:
        run_job("ingest", D1)
    assert str(refused.value).isprintable()
    land(lake, D1, name, "1", header="order_id")
    run_job("ingest", D1)
    assert all(told.isprintable() for told in caplog.messages)


def test_links_out_of_the_landing_folder_are_refused_wherever_they_stand(lake, day, run_job, tmp_path):
    outside = tmp_path / "outside"
    (outside / f"dt={D1}").mkdir(parents=True)
    (outside / f"dt={D1}" / "b.csv").write_text("x")
    landing = lake / "landing"
    for link, target in (
        (day / "b.csv", outside / f"dt={D1}" / "b.csv"),
        (day / "up.csv", Path("../../../../outside") / f"dt={D1}" / "b.csv"),
        (day.parent / f"dt={D2}", outside / f"dt={D1}"),
        (landing / "reviews", outside),
    ):
        link.symlink_to(target)
        with pytest.raises(MissingInputError, match=f"{link.name} points out of the landing folder; replace the link"):
            run_job("ingest", D3)
        link.unlink()


def test_links_within_the_landing_folder_and_to_it_are_read(lake, day, run_job, raw, tmp_path):
    (day / "b.csv").symlink_to(day / "a.csv")
    (day.parent / f"dt={D2}").symlink_to(day)
    moved = tmp_path / "moved"
    (lake / "landing").rename(moved)
    (lake / "landing").symlink_to(moved)
    for link in (moved / "transactions" / f"dt={D1}" / "b.csv", moved / "transactions" / f"dt={D2}"):
        link.unlink()
    (moved / "transactions" / f"dt={D1}" / "b.csv").symlink_to("a.csv")
    run_job("ingest", D1)
    assert raw() == [("1", D1, "a.csv")]


def test_a_link_that_points_to_nothing_or_to_itself_is_refused(day, run_job):
    for target in ("nowhere.csv", "b.csv"):
        (day / "b.csv").symlink_to(target)
        with pytest.raises(MissingInputError, match=r"b\.csv is a link that points to nothing"):
            run_job("ingest", D1)
        (day / "b.csv").unlink()


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("transaction/dt=2024-03-01/a.csv", "landing/transaction: no source of that name; rename it to one of"),
        ("transactions/2024-03-02/a.csv", "transactions/2024-03-02: the folder's name is no day; rename it to dt="),
        ("transactions/dt=2024-3-2/a.csv", "dt=2024-3-2: the folder's name is no day"),
        ("transactions/dt=2024-03-01/more/a.csv", "more is no file; move what is in it up"),
        ("transactions/a.csv", r"transactions/a\.csv is a file; files of a day lie in a folder dt="),
        ("a.csv", r"landing/a\.csv is a file; landing sources are"),
        ("transactions/dt=2024-03-01/a.xlsx", r"a\.xlsx: no csv, json, jsonl or parquet file; move it out"),
        ("transactions/dt=2024-03-01/a.csv.bz2", r"a\.csv\.bz2: no csv"),
    ],
)
def test_what_lies_in_no_place_of_a_landing_file_is_refused(place, message, lake, day, run_job):
    path = lake / "landing" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    with pytest.raises(MissingInputError, match=message):
        run_job("ingest", D1)


def test_a_pipe_is_no_file(day, run_job):
    os.mkfifo(day / "b.csv")
    with pytest.raises(MissingInputError, match=r"b\.csv is no file"):
        run_job("ingest", D1)


def test_hidden_and_partial_files_and_folders_are_left_alone(lake, day, run_job, raw):
    for place in (".hidden", "_tmp/a.csv", "transactions/.x/a.csv", f"transactions/dt={D1}/_SUCCESS"):
        path = lake / "landing" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (day / ".b.csv.partial").symlink_to("/etc/hostname")
    run_job("ingest", D1)
    assert raw() == [("1", D1, "a.csv")]


def test_a_date_far_after_all_that_was_landed_takes_nothing_in(day, run_job, raw):
    with pytest.raises(MissingInputError, match=r"--as-of 2042-03-01 is 6574 days after 2024-03-01, the newest landed"):
        run_job("ingest", date(2042, 3, 1))
    (day.parent / "dt=2042-02-01").mkdir()
    run_job("ingest", date(2042, 3, 1))
    assert [event_id for event_id, *_ in raw()] == ["1"]


def test_a_night_that_takes_in_files_of_earlier_days_says_so(lake, day, run_job, caplog):
    land(lake, D2, "b.csv", line("2", D2))
    with caplog.at_level("INFO", "nightjar"):
        run_job("ingest", D3)
    assert "step=ingest files of earlier days=2, from 2024-03-01 to 2024-03-02" in caplog.messages
    assert timedelta(days=2) == D3 - D1
