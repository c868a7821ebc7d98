"""Landing files into Arrow rows of text: what each line says, before anyone believes it.

Types are not judged here (see `typing_rules.py`): every value stays text, so that a bad one can be shown as it came.
A line that is no row at all (too few fields, broken JSON) and a file that can't be read are returned with a `problem`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

SUFFIXES = (".csv", ".jsonl", ".json", ".parquet")
COMPRESSIONS = (".gz", ".zst")
BATCH_ROWS = 65_536
FIELD_SEPARATOR, NULL_MARK = "\u001f", "\u0000"
_LINES = {"source_line": pa.int64(), "problem": pa.string(), "original_text": pa.string()}


def rows_schema(columns: tuple[str, ...]) -> pa.Schema:
    """Arrow schema of `read_rows`: the columns as text, then where each row stands and what is wrong with it."""
    fields = [pa.field("source_file", pa.string()), pa.field("ingest_date", pa.date32())]
    fields += [pa.field(name, pa.string()) for name in columns]
    return pa.schema(fields + [pa.field(name, kind) for name, kind in _LINES.items()])


def file_format(path: Path) -> str | None:
    """`csv`, `jsonl`, `json` or `parquet` by the file's name; None for a name that is none of ours."""
    name = path.name
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    return next((suffix[1:] for suffix in SUFFIXES if name.endswith(suffix)), None)


def header_of(path: Path) -> set[str] | None:
    """Column names that a CSV or Parquet file declares; None for JSON, whose records each name their own."""
    try:
        match file_format(path):
            case "parquet":
                return set(pq.read_schema(path).names)
            case "csv":
                with pa.input_stream(str(path), compression="detect") as stream:
                    options = pa_csv.ReadOptions(block_size=1 << 20, use_threads=False)
                    return set(pa_csv.open_csv(stream, options, _csv_dialect(lambda row: "skip")).schema.names)
            case _:
                return None
    except (pa.ArrowInvalid, OSError):
        return None


def read_rows(path: Path, source_file: str, ingest_date: date, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Yield the file's rows as batches of `rows_schema(columns)`; an unreadable file yields one row that says so."""
    readers = {"csv": _csv_rows, "jsonl": _json_lines, "json": _json_array, "parquet": _parquet_rows}
    reader = readers[file_format(path) or "csv"]
    occurrences: Counter[str] = Counter()
    try:
        for table in reader(path, columns):
            if "problem" not in table.column_names:
                table = _with_event_ids(table, columns, occurrences)
            yield from _stamped(table, source_file, ingest_date, columns)
    except (pa.ArrowInvalid, OSError, EOFError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())[:300]
        yield from _stamped(_problems([(0, f"file can't be read: {reason}", None)]), source_file, ingest_date, columns)


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

    Two equal purchases in one file stay two; the same row in a second file stays one.
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
                content = hashlib.sha256(text.encode()).hexdigest()[:32]
                occurrences[content] += 1
                given[place] = f"{content}-{occurrences[content]}"
    others = table.drop_columns("event_id") if "event_id" in table.column_names else table
    return others.append_column("event_id", pa.array(given, pa.string()))


def _problems(found: list[tuple[int, str, str | None]]) -> pa.Table:
    lines, problems, texts = zip(*found, strict=True)
    return pa.table(
        {
            "source_line": pa.array(lines, pa.int64()),
            "problem": pa.array(problems, pa.string()),
            "original_text": pa.array(texts, pa.string()),
        }
    )


def _csv_dialect(on_invalid) -> pa_csv.ParseOptions:
    return pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=on_invalid)


def _csv_rows(path: Path, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    invalid: list[tuple[int, str, str | None]] = []

    def remember(row: pa_csv.InvalidRow) -> str:
        problem = f"{row.actual_columns} fields instead of {row.expected_columns}"
        invalid.append((row.number or 0, problem, row.text))
        return "skip"

    convert = pa_csv.ConvertOptions(
        column_types={name: pa.string() for name in columns},
        include_columns=list(columns),
        include_missing_columns=True,
        strings_can_be_null=True,
        null_values=[""],
    )
    with pa.input_stream(str(path), compression="detect") as stream:
        # One thread: only then does Arrow know the number of a row that it refuses.
        data = pa_csv.read_csv(stream, pa_csv.ReadOptions(use_threads=False), _csv_dialect(remember), convert)
    refused = {number for number, _, _ in invalid}
    total = data.num_rows + len(refused)
    numbers = [number for number in range(2, total + 2) if number not in refused] if refused else range(2, total + 2)
    yield data.append_column("source_line", pa.array(numbers, pa.int64()))
    if invalid:
        yield _problems(invalid)


def _json_lines(path: Path, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    with pa.input_stream(str(path), compression="detect") as stream:
        lines = stream.read().split(b"\n")
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    for start in range(0, len(numbered), BATCH_ROWS):
        yield from _json_records(numbered[start : start + BATCH_ROWS], columns)


def _json_array(path: Path, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    with pa.input_stream(str(path), compression="detect") as stream:
        text = stream.read()
    try:
        records = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise pa.ArrowInvalid(f"not a JSON array: {error}") from error
    if not isinstance(records, list):
        raise pa.ArrowInvalid("not a JSON array")
    numbered = [(number, orjson.dumps(record)) for number, record in enumerate(records, start=1)]
    yield from _json_records(numbered, columns)


def _json_records(numbered: list[tuple[int, bytes]], columns: tuple[str, ...]) -> Iterator[pa.Table]:
    records, numbers = [], []
    invalid: list[tuple[int, str, str | None]] = []
    for number, line in numbered:
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            invalid.append((number, f"not JSON: {error}", line.decode("utf-8", "replace")))
            continue
        if isinstance(record, dict):
            records.append(record)
            numbers.append(number)
        else:
            invalid.append((number, "not a JSON object", line.decode("utf-8", "replace")))
    data = {name: pa.array([_text(record.get(name)) for record in records], pa.string()) for name in columns}
    yield pa.table(data | {"source_line": pa.array(numbers, pa.int64())})
    if invalid:
        yield _problems(invalid)


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _parquet_rows(path: Path, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    source = pq.ParquetFile(path)
    present = [name for name in columns if name in source.schema_arrow.names]
    first = 1
    for batch in source.iter_batches(batch_size=BATCH_ROWS, columns=present):
        data = {name: _as_text(batch.column(name)) for name in present}
        numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
        first += batch.num_rows
        yield pa.table(data | {"source_line": numbers})


def _as_text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_nested(values.type):
        return pa.array([_text(value) for value in values.to_pylist()], pa.string())
    text = pc.cast(values, pa.string())
    return pc.if_else(pc.equal(text, ""), None, text)
