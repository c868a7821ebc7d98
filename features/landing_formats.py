"""One reader for each format of landing files: tables of text with `source_line`, and tables of lines that are no row.

A value is either exactly what the file says or no value: digits that a float would lose, and lists or records where
a text belongs, refuse their row.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

BATCH_ROWS = 65_536
BLOCK_MB = 8  # a longer row is most often a quote that is missing
HEAD_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"
EXACT_DIGITS = 15  # of a decimal number that a float gives back unchanged
Problem = tuple[int, str, str | None]  # line, what is wrong, text
_LONG_NUMBER = re.compile(rb"[\d.]{16}")
_KEY_END = re.compile(rb'"\s*:')
_DOUBLED = None  # a key that no JSON record has: holds the name that stands twice


def problems(found: list[Problem]) -> pa.Table:
    """A table of lines that are no row."""
    lines, told, texts = zip(*found, strict=True)
    return pa.table(
        {
            "source_line": pa.array(lines, pa.int64()),
            "problem": pa.array(told, pa.string()),
            "original_text": pa.array(texts, pa.string()),
        }
    )


def csv_names(path: Path) -> list[str]:
    """The names in a CSV file's first row, doubled ones too."""
    return _csv_head(path)[0]


def csv_rows(path: Path, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """Rows of a CSV file, the header being line 1."""
    _, is_header_alone = _csv_head(path)
    if is_header_alone:  # without a line end, which Arrow calls no CSV
        return
    invalid: list[Problem] = []

    def remember(row: pa_csv.InvalidRow) -> str:
        problem = f"{row.actual_columns} fields instead of {row.expected_columns}"
        invalid.append((row.number or 0, problem, row.text))
        return "skip"

    data = _csv_table(path, columns, remember)
    refused = {number for number, _, _ in invalid}
    total = data.num_rows + len(refused)
    numbers = [number for number in range(2, total + 2) if number not in refused] if refused else range(2, total + 2)
    yield data.append_column("source_line", pa.array(numbers, pa.int64()))
    if invalid:
        yield problems(invalid)


def _csv_table(path: Path, columns: tuple[str, ...], on_invalid: Callable[[pa_csv.InvalidRow], str]) -> pa.Table:
    # One thread: only then does Arrow know the number of a row that it refuses.
    blocks = pa_csv.ReadOptions(use_threads=False, block_size=BLOCK_MB << 20)
    dialect = pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=on_invalid)
    convert = pa_csv.ConvertOptions(
        column_types={name: pa.string() for name in columns},
        include_columns=list(columns),
        include_missing_columns=True,
        strings_can_be_null=True,
        null_values=[""],
    )
    with pa.input_stream(str(path), compression="detect") as stream:
        try:
            return pa_csv.read_csv(stream, blocks, dialect, convert)
        except pa.ArrowInvalid as error:
            if "straddling" in str(error):
                raise ValueError(f"a row is longer than {BLOCK_MB} MB; is a quote missing?") from error
            raise


def _csv_head(path: Path) -> tuple[list[str], bool]:
    """The names in the first row, and whether the file is that row alone, without a line end.

    Raises for what is not UTF-8, where Arrow would only not find the names, or complain on its own.
    """
    with pa.input_stream(str(path), compression="detect") as stream:
        head = stream.read(HEAD_BYTES)
    text = codecs.getincrementaldecoder("utf-8-sig")().decode(head).lstrip("\r\n")
    if "\0" in text.partition("\n")[0]:
        raise ValueError("it is not UTF-8; save it as UTF-8")
    names = next(csv.reader(io.StringIO(text, newline="")), [])
    if not names:
        raise ValueError("it is empty, without a header")
    return names, len(head) < HEAD_BYTES and not any(end in text for end in "\r\n")


def json_lines(path: Path, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """Rows of a file with a JSON object a line."""
    with pa.input_stream(str(path), compression="detect") as stream:
        lines = stream.read().removeprefix(BOM).split(b"\n")
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    for start in range(0, len(numbered), BATCH_ROWS):
        found: list[tuple[int, Any, Any]] = []
        invalid: list[Problem] = []
        for number, line in numbered[start : start + BATCH_ROWS]:
            try:
                found.append((number, _loads(line), line))
            except (ValueError, RecursionError) as error:
                invalid.append((number, f"not JSON: {error}", _shown(line)))
        yield from _json_records(found, columns, invalid)


def json_array(path: Path, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """Rows of a file that is one JSON array of objects."""
    with pa.input_stream(str(path), compression="detect") as stream:
        text = stream.read().removeprefix(BOM)
    try:
        records = _loads(text)
    except ValueError as error:
        raise ValueError(f"not a JSON array: {error}") from error
    if not isinstance(records, list):
        raise ValueError("not a JSON array")
    yield from _json_records([(number, record, record) for number, record in enumerate(records, start=1)], columns, [])


def _loads(text: bytes) -> Any:
    """JSON by the fast parser; once more by the exact one where a float would lose digits or a name may stand twice."""
    found = orjson.loads(text)
    if isinstance(found, list):
        keys = sum(len(record) for record in found if isinstance(record, dict))
    else:
        keys = len(found) if isinstance(found, dict) else 0
    if _LONG_NUMBER.search(text) or len(_KEY_END.findall(text)) > keys:
        return json.loads(text.decode(), parse_int=str, parse_float=_exact_float, object_pairs_hook=_record)
    return found


def _exact_float(number: str) -> str:
    return number if sum(map(str.isdigit, number)) > EXACT_DIGITS else str(float(number))


def _record(pairs: list[tuple[str, Any]]) -> dict[str | None, Any]:
    record: dict[str | None, Any] = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        record[_DOUBLED] = next(name for name in names if names.count(name) > 1)
    return record


def _json_records(
    found: list[tuple[int, Any, Any]], columns: tuple[str, ...], invalid: list[Problem]
) -> Iterator[pa.Table]:
    """Tables of the records (number, record, text or what it was made to), and of what is no row, after `invalid`."""
    records, numbers = [], []
    for number, record, source in found:
        if problem := _problem_of(record, columns):
            invalid.append((number, problem, _shown(source)))
        else:
            records.append(record)
            numbers.append(number)
    data = {name: pa.array([_text(record.get(name)) for record in records], pa.string()) for name in columns}
    yield pa.table(data | {"source_line": pa.array(numbers, pa.int64())})
    if invalid:
        yield problems(sorted(invalid, key=lambda one: one[0]))


def _problem_of(record: Any, columns: tuple[str, ...]) -> str | None:
    if not isinstance(record, dict):
        return "not a JSON object"
    if (doubled := record.get(_DOUBLED)) in columns:
        return f"{doubled} stands twice in the record"
    nested = next((name for name in columns if isinstance(record.get(name), dict | list)), None)
    return f"{nested} is no text" if nested else None


def _shown(record: Any) -> str:
    """A refused record as it came, or written as JSON again."""
    if isinstance(record, bytes):
        return record.decode("utf-8", "replace")
    if isinstance(record, dict):
        record = {name: value for name, value in record.items() if name is not _DOUBLED}
    return json.dumps(record, ensure_ascii=False, default=str)


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def parquet_rows(path: Path, columns: tuple[str, ...]) -> Iterator[pa.Table]:
    """Rows of a Parquet file."""
    source = pq.ParquetFile(path)
    present = [name for name in columns if name in source.schema_arrow.names]
    first = 1
    for batch in source.iter_batches(batch_size=BATCH_ROWS, columns=present):
        data: dict[str, pa.Array] = {}
        invalid: dict[int, str] = {}
        for name in present:
            data[name], bad, problem = _as_text(batch.column(name))
            invalid |= {place: f"{name} is {problem}" for place in bad if place not in invalid}
        numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
        rows = pa.table(data | {"source_line": numbers})
        if invalid:
            told = [(first + place, invalid[place], _shown(batch.slice(place, 1).to_pylist()[0])) for place in invalid]
            rows = rows.take([place for place in range(batch.num_rows) if place not in invalid])
        first += batch.num_rows
        yield rows
        if invalid:
            yield problems(sorted(told, key=lambda one: one[0]))


def _as_text(values: pa.Array) -> tuple[pa.Array, list[int], str]:
    """The values as text, the places of those that can't be said exactly, and what they are."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_nested(values.type):
        return pa.nulls(len(values), pa.string()), _places(pc.is_valid(values)), "no text"
    text = pc.cast(values, pa.string())
    if pa.types.is_floating(values.type):
        exact = 2.0 ** (53 if values.type == pa.float64() else 24 if values.type == pa.float32() else 11)
        size = pc.abs(pc.cast(values, pa.float64()))
        is_odd = pc.and_(pc.and_(pc.greater_equal(size, 1e7), pc.less(size, exact)), pc.match_substring(text, "e"))
        if pc.any(is_odd).as_py():
            text = pa.array(
                [_plain(value) if odd else said for value, odd, said in _together(values, is_odd, text)],
                pa.string(),
            )
        return text, _places(pc.greater_equal(size, exact)), "a float too large to be exact"
    return pc.if_else(pc.equal(text, ""), None, text), [], ""


def _plain(number: float) -> str:
    return format(Decimal(repr(number)).normalize(), "f")


def _together(*arrays: pa.Array) -> Iterator[tuple[Any, ...]]:
    return zip(*(array.to_pylist() for array in arrays), strict=True)


def _places(mask: pa.Array) -> list[int]:
    return pc.indices_nonzero(pc.fill_null(mask, False)).to_pylist()
