"""A night knows the files of earlier nights without reading them again, and is never wrong for it."""

import json
import os

import pytest

from jobs import landing_cache
from jobs.landing_cache import CACHE_FILE
from jobs.tables import Run
from schemas.ops import OPS_FILE
from tests.jobs.landed import D1, D2, D3, land, line


@pytest.fixture
def reads(monkeypatch):
    """What an ingest reads: names of hashed files, and `register` for a whole register."""
    found: list[str] = []
    hash_file, read = landing_cache.hash_file, Run.read

    def hashed(path):
        found.append(path.name)
        return hash_file(path)

    def read_whole(run, table):
        if table is OPS_FILE:
            found.append("register")
        return read(run, table)

    monkeypatch.setattr(landing_cache, "hash_file", hashed)
    monkeypatch.setattr(Run, "read", read_whole)
    return found


def read_by(reads: list[str], night, *arguments) -> list[str]:
    reads.clear()
    night(*arguments)
    return sorted(name for name in reads if name.endswith(".csv"))


def test_a_later_night_reads_its_own_files_alone(lake, night, reads):
    land(lake, D1, "a.csv", line("1"))
    land(lake, D2, "b.csv", line("2", D2))
    land(lake, D3, "c.csv", line("3", D3))
    assert read_by(reads, night, D1) == ["a.csv"]
    assert read_by(reads, night, D2) == ["b.csv"]
    assert read_by(reads, night, D3) == ["c.csv"] and reads.count("register") == 1  # of its own days, when it ends
    assert read_by(reads, night, D2) == ["b.csv"]  # a rerun reads what is its own
    assert read_by(reads, night, D3) == ["c.csv"]


def test_a_file_of_an_earlier_night_that_changed_is_read_as_new(lake, night, raw):
    path = land(lake, D1, "a.csv", line("1"))
    night(D1)
    night(D2)
    land(lake, D1, "a.csv", line("2"))
    night(D3)
    assert [event_id for event_id, *_ in raw()] == ["1", "2"] and path.is_file()


def test_a_mended_file_of_the_night_itself_is_seen_even_where_size_and_time_are_the_same(lake, night, raw):
    path = land(lake, D1, "a.csv", line("1"))
    about = path.stat()
    night(D1)
    land(lake, D1, "a.csv", line("2"))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    night(D1)
    assert [event_id for event_id, *_ in raw()] == ["2"]


def test_a_moved_or_copied_file_is_known_by_its_content(lake, night, raw, told):
    path = land(lake, D1, "a.csv", line("1"))
    night(D1)
    path.rename(path.with_name("b.csv"))
    land(lake, D2, "c.csv", line("1"))
    night(D2)
    assert raw() == [("1", D1, "a.csv")] and set(told()) == {D1}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"hashes": {}, "version": 1}', '{"hashes": 1}', None])
def test_a_cache_that_is_lost_or_damaged_is_made_anew(text, lake, night, raw, told, reads):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    cache = lake / CACHE_FILE
    cache.unlink() if text is None else cache.write_text(text)
    land(lake, D2, "b.csv", line("2", D2))
    assert read_by(reads, night, D2) == ["a.csv", "b.csv"]
    assert told() == {D1: (1, 0, 0), D2: (1, 0, 0)} and len(json.loads(cache.read_text())["hashes"]) == 2


def test_a_register_that_another_job_changed_is_read_anew(lake, night, make_run, raw):
    land(lake, D1, "a.csv", line("1"))
    night(D1)
    night(D2)
    make_run(D1).delete(OPS_FILE, "source = 'transactions'")  # as nobody should
    night(D3)
    assert sorted({day for _, day, _ in raw()}) == [D1]  # its row is a duplicate by its id
    assert [row.ingest_date for row in make_run(D1).read(OPS_FILE).collect()] == [D3]


def test_a_night_killed_before_it_remembers_is_done_again(lake, night, raw, monkeypatch):
    from jobs import ingest

    land(lake, D1, "a.csv", line("1"))
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(ingest, "remember", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        night(D1)
    night(D1)
    land(lake, D2, "b.csv", line("2", D2))
    night(D2)
    assert raw() == [("1", D1, "a.csv"), ("2", D2, "b.csv")]
