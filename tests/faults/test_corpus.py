"""Every file of the fault corpus meets its fate; all of them lie in one lake and are read in two nights."""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from schemas.ops import OPS_FILE, OPS_RUN
from schemas.raw import RAW_QUARANTINE, SOURCES
from tests.faults import corpus_csv, corpus_files, corpus_json, corpus_parquet, corpus_stops, corpus_values, shop
from tests.faults.corpus import D1, D2, ROW_KB, UNPACKED_MB, BadFile, as_csv, rows

MODULES = (corpus_csv, corpus_files, corpus_json, corpus_parquet, corpus_values)
FILES: list[BadFile] = [file for module in MODULES for file in module.FILES]


@dataclass(frozen=True)
class Found:
    """What the lake holds after two nights, by landing file."""

    lake: Path
    rows: dict[str, list[dict]]
    refused: dict[str, dict[int, tuple[str, str | None]]]
    files: set[str]
    runs: list[dict]


@pytest.fixture(scope="module")
def found(spark, tmp_path_factory) -> Found:
    lake = tmp_path_factory.mktemp("corpus") / "lake"
    for file in FILES:
        path = lake / "landing" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    for day in (D1, D2):
        shop.run_all(lake, (("ingest",), ("tile",)), day, maximum_row_kb=ROW_KB, maximum_unpacked_mb=UNPACKED_MB)
    rows: dict[str, list[dict]] = {}
    for table in (SOURCES[source] for source in sorted({file.source for file in FILES})):
        for row in shop.stored(lake, table).to_pylist():
            rows.setdefault(row["source_file"], []).append(row)
    refused: dict[str, dict[int, tuple[str, str | None]]] = {}
    for row in shop.stored(lake, RAW_QUARANTINE).to_pylist():
        refused.setdefault(row["source_file"], {})[row["source_line"]] = (row["reason"], row["original_text"])
    files = set(shop.stored(lake, OPS_FILE)["source_file"].to_pylist())
    return Found(lake, rows, refused, files, shop.stored(lake, OPS_RUN).to_pylist())


def test_the_corpus_is_large_and_no_two_files_share_a_name():
    assert len(FILES) >= 60 and len({file.path for file in FILES}) == len(FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_a_file_meets_its_fate(file, found):
    assert (file.path in found.files) is not file.is_ignored
    rows, refused = found.rows.get(file.path, []), found.refused.get(file.path, {})
    assert sorted(refused) == sorted(file.refused), refused
    for line, reason in file.refused.items():
        assert reason in refused[line][0]
    assert len(rows) == file.new
    by_id = {row["event_id"]: row for row in rows}
    for event_id, values in file.holds.items():
        assert {name: plain(by_id[event_id][name]) for name in values} == values


def plain(value: object) -> object:
    """A decimal as a number, a map as a dict."""
    return float(value) if isinstance(value, Decimal) else dict(value) if isinstance(value, list) else value


def test_refused_rows_keep_their_text(found):
    for path, lines in found.refused.items():
        assert all(text for line, (_, text) in lines.items() if line > 0), path


def test_the_equation_holds_for_every_run_and_source(found):
    wanted: Counter[tuple] = Counter()
    for file in FILES:
        for fate, count in (("new", file.new), ("duplicate", file.duplicate), ("quarantined", len(file.refused))):
            wanted[(file.day, file.source, fate)] += count
    told = {
        (run["ingest_date"], run["source"], fate): run[f"{fate}_row_count"]
        for run in found.runs
        for fate in ("new", "duplicate", "quarantined")
    }
    assert {key: count for key, count in told.items() if count} == {
        key: count for key, count in wanted.items() if count
    }
    for run in found.runs:
        assert run["file_row_count"] == sum(run[f"{fate}_row_count"] for fate in ("new", "duplicate", "quarantined"))


@pytest.mark.parametrize("files", corpus_stops.LAKES, ids=("first", "second"))
def test_a_file_that_stops_its_source_stops_no_other_and_says_why(files, spark, tmp_path):
    stopped = {file.source: file for file in files}
    good = [BadFile("good.csv", as_csv(rows(source, {}, source=source)), source=source) for source in SOURCES]
    for file in [*good, *files]:
        path = tmp_path / "landing" / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    shop.run(tmp_path, ("ingest",), D1)
    told = {run["source"]: run for run in shop.stored(tmp_path, OPS_RUN).to_pylist()}
    assert {source for source, run in told.items() if run["new_row_count"]} == SOURCES.keys() - stopped.keys()
    for source, file in stopped.items():
        reason = told[source]["stopped_reason"]
        assert file.stops in reason and reason.startswith(file.path)
