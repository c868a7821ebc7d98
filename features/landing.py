"""Landing files into Arrow rows of text: what each line says, before anyone believes it.

Types are not judged here (see `typing_rules.py`): every value stays text, so that a bad one can be shown as it came.
A line that is no row at all (too few fields, broken JSON) and a file that can't be read are returned with a `problem`.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.landing_csv import csv_names, csv_rows
from features.landing_json import json_array, json_lines
from features.landing_parquet import parquet_rows
from features.landing_rows import (
    BATCH_ROWS,
    COMPRESSIONS,
    EXTRA,
    EXTRA_TYPE,
    NOT_UTF8,
    Limits,
    problems,
    with_extra,
    without_long_rows,
)

SUFFIXES = (".csv", ".jsonl", ".json", ".parquet")
FIELD_SEPARATOR, NULL_MARK = "\u001f", "\u0000"
# What readers raise at bytes that are not what the name says; Arrow's own errors are among the last ones, too.
UNREADABLE = (
    pa.ArrowException,
    csv.Error,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    RecursionError,
)
_LINES = {"source_line": pa.int64(), "problem": pa.string(), "original_text": pa.string()}


def rows_schema(columns: tuple[str, ...]) -> pa.Schema:
    """Arrow schema of `read_rows`: the columns as text, `_extra`, then where a row stands and what is wrong with it."""
    fields = [pa.field("source_file", pa.string()), pa.field("ingest_date", pa.date32())]
    fields += [pa.field(name, pa.string()) for name in columns]
    fields.append(pa.field(EXTRA, EXTRA_TYPE))
    return pa.schema(fields + [pa.field(name, kind) for name, kind in _LINES.items()])


def file_format(path: Path) -> str | None:
    """`csv`, `jsonl`, `json` or `parquet` by the file's name; None for a name that is none of ours."""
    name = path.name
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    return next((suffix[1:] for suffix in SUFFIXES if name.endswith(suffix)), None)


def header_of(path: Path) -> list[str] | None:
    """Column names that a CSV or Parquet file declares; None for JSON, whose records each name their own.

    None as well for a file that can't be read: `read_rows` says so in its one row.
    """
    try:
        match file_format(path):
            case "parquet":
                return list(pq.read_schema(path).names)
            case "csv":
                return csv_names(path)
            case _:
                return None
    except UNREADABLE:
        return None


def read_rows(
    path: Path,
    source_file: str,
    ingest_date: date,
    columns: tuple[str, ...],
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Iterator[pa.RecordBatch]:
    """Yield the file's rows as batches of `rows_schema(columns)`; an unreadable file yields one row that says so."""
    readers = {"csv": csv_rows, "jsonl": json_lines, "json": json_array, "parquet": parquet_rows}
    reader = readers[file_format(path) or "csv"]
    occurrences: Counter[str] = Counter()
    try:
        for table in reader(path, columns, limits):
            if "problem" in table.column_names:
                yield from _stamped(table, source_file, ingest_date, columns)
                continue
            rows, too_long = without_long_rows(with_extra(table, columns), limits)
            yield from _stamped(_with_event_ids(rows, columns, occurrences), source_file, ingest_date, columns)
            if too_long:
                yield from _stamped(problems(too_long, limits), source_file, ingest_date, columns)
    except UNREADABLE as error:
        told = problems([(0, f"file can't be read: {_reason(error)}", None)])
        yield from _stamped(told, source_file, ingest_date, columns)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in text:
        return NOT_UTF8
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    return (text or type(error).__name__)[:300]


def _stamped(table: pa.Table, source_file: str, ingest_date: date, columns: tuple[str, ...]) -> list[pa.RecordBatch]:
    schema = rows_schema(columns)
    count = table.num_rows
    constants = {"source_file": pa.scalar(source_file, pa.string()), "ingest_date": pa.scalar(ingest_date, pa.date32())}
    arrays = [
        pa.repeat(constants[field.name], count)
        if field.name in constants
        else table.column(field.name)
        if field.name in table.column_names
        else pa.nulls(count, field.type)
        for field in schema
    ]
    return pa.table(arrays, schema=schema).combine_chunks().to_batches(max_chunksize=BATCH_ROWS)


def _with_event_ids(table: pa.Table, columns: tuple[str, ...], occurrences: Counter[str]) -> pa.Table:
    """Give rows without an id of their own the hash of their content and its occurrence number in the file.

    Two equal purchases in one file stay two; the same row in a second file stays one. Columns that the contract does
    not know are no part of it: an id stays the same when upstream adds one.
    """
    given = table.column("event_id").to_pylist() if "event_id" in table.column_names else [None] * table.num_rows
    if None in given:
        absent = pa.nulls(table.num_rows, pa.string())  # a column that a file lacks hashes like one that is empty
        names = [name for name in columns if name != "event_id"]
        fields = [table.column(name) if name in table.column_names else absent for name in names]
        texts = pc.binary_join_element_wise(
            *fields, FIELD_SEPARATOR, null_handling="replace", null_replacement=NULL_MARK
        )
        for place, text in enumerate(texts.to_pylist()):
            if given[place] is None:
                # Without the empty ones at the end: a column that the contract gets later changes no id.
                text = text.rstrip(FIELD_SEPARATOR + NULL_MARK)
                content = hashlib.sha256(text.encode()).hexdigest()[:32]
                occurrences[content] += 1
                given[place] = f"{content}-{occurrences[content]}"
    others = table.drop_columns("event_id") if "event_id" in table.column_names else table
    return others.append_column("event_id", pa.array(given, pa.string()))
