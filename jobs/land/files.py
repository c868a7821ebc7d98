"""Files of a landing: reading a data set's CSVs, writing day folders so that a rerun gives the same bytes."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.land import LandingError
from jobs.whole_files import write_whole

Row = Sequence[str]
DayRows = dict[date, list[Row]]


def write_days(
    landing: Path, source: str, columns: Sequence[str], days: Mapping[date, Sequence[Row]], kind: str
) -> int:
    """Write one file per day, ``dt=D/<source>.<kind>``, and return the rows. Empty text is a missing value."""
    for day, rows in sorted(days.items()):
        write_whole(day_path(landing, source, day, kind), encode(columns, rows, kind))
    return sum(map(len, days.values()))


def day_path(landing: Path, source: str, day: date, kind: str) -> Path:
    """Where the file of one source and day lies."""
    return landing / source / f"dt={day.isoformat()}" / f"{source}.{kind}"


def encode(columns: Sequence[str], rows: Sequence[Row], kind: str) -> bytes:
    """The bytes of one file; ``kind`` is csv, jsonl (both also .gz) or parquet (all columns text)."""
    if kind == "parquet":
        cells = {name: [row[i] or None for row in rows] for i, name in enumerate(columns)}
        return parquet_bytes(pa.table({name: pa.array(values, pa.string()) for name, values in cells.items()}))
    text = io.StringIO()
    if kind.startswith("csv"):
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    else:
        for row in rows:
            values = {name: value for name, value in zip(columns, row, strict=True) if value != ""}
            text.write(json.dumps(values, ensure_ascii=False) + "\n")
    data = text.getvalue().encode()
    # mtime=0: a stamp in the gzip header would make a rerun differ.
    return gzip.compress(data, compresslevel=6, mtime=0) if kind.endswith(".gz") else data


def parquet_bytes(table: pa.Table) -> bytes:
    """One Parquet file in memory; day files are small, and one place then does all writing."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def landed_days(landing: Path, source: str) -> list[date]:
    """The days for which a source has a folder, in order."""
    return sorted(date.fromisoformat(path.name[3:]) for path in (landing / source).glob("dt=????-??-??"))


def day_of(stamp: str) -> date | None:
    """The day that a local time in ISO form begins with, or None where it cannot be read."""
    try:
        return date.fromisoformat(stamp[:10])
    except ValueError:
        return None


def group_by_day(rows: Iterable[tuple[date | None, Row]], where: Path) -> DayRows:
    """Rows by day, order kept; a row whose time cannot be read goes with the row before it, so that ingest meets it."""
    days: DayRows = {}
    orphans: list[Row] = []
    current: date | None = None
    for day, row in rows:
        current = day or current
        (orphans if current is None else days.setdefault(current, [])).append(row)
    if not days:
        raise LandingError(f"no row with a readable time in {where}: check that these are the data set's own files")
    first = min(days)
    days[first] = orphans + days[first]
    return days


def read_csv(path: Path, required: Sequence[str]) -> tuple[list[str], Iterator[list[str]]]:
    """Header and records of a CSV in UTF-8 (or, as spreadsheets write it, Windows-1252)."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    records = csv.reader(io.StringIO(text, newline=""))
    header = next(records, [])
    missing = [name for name in required if name not in header]
    if missing:
        raise LandingError(
            f"{path} lacks the column(s) {', '.join(missing)}: "
            "check that --source (make: SOURCE=) holds the right data set"
        )
    return header, (record for record in records if record)


def read_records(path: Path, required: Sequence[str]) -> list[dict[str, str]]:
    """Records of a CSV as mappings; a field that a short record lacks is empty."""
    header, records = read_csv(path, required)
    return [dict(zip(header, record + [""] * (len(header) - len(record)), strict=False)) for record in records]


def source_folder(source: Path | None, dataset: str, expects: str) -> Path:
    """The ``--source`` of a data set that does not ship with the project."""
    if source is None:
        raise LandingError(f"data set {dataset} needs --source (make: SOURCE=) with {expects}")
    if not source.exists():
        raise LandingError(f"--source (make: SOURCE=) {source} does not exist: give the place of {expects}")
    return source


def source_files(folder: Path, names: Mapping[str, Sequence[str]], dataset: str, expects: str) -> dict[str, Path]:
    """The first existing file among the names that each part of a data set is known by; all parts are needed."""
    found = {part: path for part, options in names.items() for path in [_first_existing(folder, options)] if path}
    missing = [options[0] for part, options in names.items() if part not in found]
    if missing:
        raise LandingError(
            f"--source (make: SOURCE=) {folder} lacks {', '.join(missing)}: data set {dataset} needs {expects}"
        )
    return found


def _first_existing(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


class BusinessDays:
    """Business days of UTC instants in one time zone, by their midnights: right on days of 23 and 25 hours too."""

    def __init__(self, zone: str, first: date, last: date) -> None:
        count = (last - first).days + 2
        self.first = first
        tz = ZoneInfo(zone)
        starts = (first + timedelta(days=i) for i in range(count))
        #: Midnights as seconds since 1970, for a search over many stamps at once.
        self.midnights = [int(datetime(d.year, d.month, d.day, tzinfo=tz).timestamp()) for d in starts]
