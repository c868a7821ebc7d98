"""One landed file's bytes without some rows, in every format; every other record stays to the byte.

Where records begin and end is reckoned once; only those that name one of the sought are read, and only by what their
columns say does one go. What is left and quotes a customer, in a free text or a column that no contract knows, has the
name blanked.
"""

import io
import json
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.landing_csv import csv_records
from jobs.erase_texts import leaves, parquet_texts, separated
from jobs.erase_words import Sought
from schemas.contract import ERASED

Ends = npt.NDArray[np.int64]  # where each record of a file ends
Left = tuple[bytes, int]  # what is left, and how many rows or quotes went
_ESCAPED_LETTER = re.compile(rb"\\u00[2-7]")  # a letter or digit that JSON may spell so


def csv_without(data: bytes, sought: Sought) -> Left:
    """A CSV file's records without those that name one of the sought in its column, or anywhere if they are ragged."""
    ends = csv_ends(data)
    if not len(ends):
        return data, 0
    header = [name.strip() for name in _csv_record(data[: ends[0]].removeprefix(b"\xef\xbb\xbf"))]

    def goes(record: bytes) -> bool:
        values = _csv_record(record)
        if len(values) != len(header):
            return sought.mentions(record)
        return sought.names(zip(header, values, strict=True))

    return _without(data, ends, 1, {place for place, _ in sought.anywhere.places(data)}, goes, sought)


def json_lines_without(data: bytes, sought: Sought) -> Left:
    """JSON lines without those that name one of the sought; a line that is no record goes if it quotes a customer."""

    def goes(line: bytes) -> bool:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            return sought.mentions(line)
        return sought.names(row.items())

    near = {place for place, _ in sought.anywhere.places(data)}
    near |= {found.start() for found in _ESCAPED_LETTER.finditer(data)}
    return _without(data, _line_ends(data), 0, near, goes, sought)


def json_array_without(data: bytes, sought: Sought) -> Left:
    """A JSON array without the records that name one of the sought; each other one as it was written."""
    if not sought.anywhere.finds(data) and not _ESCAPED_LETTER.search(data):
        return data, 0
    text = data.decode("utf-8", "surrogateescape")
    try:
        records = list(_elements(text))
    except ValueError:  # it is one row in quarantine
        return sought.blanked(data, ERASED.encode())
    kept = [raw for row, raw in records if not (isinstance(row, dict) and sought.names(row.items()))]
    gone = len(records) - len(kept)
    content = ("[" + ",".join(kept) + "]").encode("utf-8", "surrogateescape") if gone else data
    blanked, quotes = sought.blanked(content, ERASED.encode())
    return blanked, gone + quotes


def parquet_without(data: bytes, sought: Sought) -> Left:
    """A Parquet file without the rows that name one of the sought."""
    file = pq.ParquetFile(pa.BufferReader(data))
    are_texts = all(_is_text(file.schema_arrow, column) for column in sought.subjects)
    if are_texts and not any(sought.anywhere.finds(text) for _, text in parquet_texts(file)):
        return data, 0
    table = pq.read_table(pa.BufferReader(data))
    goes = _named_rows(table, sought)
    left, quotes = _blanked_table(table.filter(pa.array(~goes)), sought)
    if not goes.any() and not quotes:
        return data, 0
    packed = pa.BufferOutputStream()
    pq.write_table(left, packed, compression=file.metadata.row_group(0).column(0).compression)
    return packed.getvalue().to_pybytes(), int(goes.sum()) + quotes


def _named_rows(table: pa.Table, sought: Sought) -> npt.NDArray[np.bool_]:
    """Which rows name one of the sought: those that hold one of the ids are asked."""
    columns = [column for column in sought.subjects if column in table.column_names]
    texts = pa.table({column: pc.utf8_trim_whitespace(table[column].cast(pa.string())) for column in columns})
    goes = np.zeros(table.num_rows, bool)
    for column in columns:
        ids = pa.array(sorted(sought.subjects[column]), pa.string())
        goes |= pc.is_in(texts[column], value_set=ids).to_numpy()
    near = np.flatnonzero(goes)
    goes[near] = [sought.names(row.items()) for row in texts.take(pa.array(near)).to_pylist()]
    return goes


def _is_text(schema: pa.Schema, column: str) -> bool:
    place = schema.get_field_index(column)
    return place < 0 or pa.types.is_string(schema.types[place]) or pa.types.is_large_string(schema.types[place])


def _blanked_table(table: pa.Table, sought: Sought) -> tuple[pa.Table, int]:
    quotes = 0
    for place, field in enumerate(table.schema):
        if any(sought.quoted.finds(separated(leaf)) for leaf in leaves(table[field.name])):
            values = table[field.name].to_pylist()
            blanked = [_blanked_value(value, sought) for value in values]
            quotes += sum(one != other for one, other in zip(values, blanked, strict=True))
            table = table.set_column(place, field, pa.array(blanked, field.type))
    return table, quotes


def _blanked_value(value: Any, sought: Sought) -> Any:
    match value:
        case str():
            return sought.blanked(value.encode(), ERASED.encode())[0].decode()
        case list() | tuple():
            return type(value)(_blanked_value(one, sought) for one in value)
        case dict():
            return {key: _blanked_value(one, sought) for key, one in value.items()}
        case _:
            return value


def _without(
    data: bytes, ends: Ends, first: int, near: set[int], goes: Callable[[bytes], bool], sought: Sought
) -> Left:
    """The data without the records that go, of those from number `first` on that have a place of `near` in them."""
    named = np.unique(np.searchsorted(ends, np.fromiter(near, np.int64, len(near)), side="right"))
    begins = np.concatenate(([0], ends[:-1]))
    parts, last, gone = [], 0, 0
    for number in named[named >= first].tolist():
        begin, end = int(begins[number]), int(ends[number])
        if goes(data[begin:end]):
            parts.append(data[last:begin])
            last, gone = end, gone + 1
    content = b"".join([*parts, data[last:]]) if gone else data
    blanked, quotes = sought.blanked(content, ERASED.encode()) if len(named) else (content, 0)
    return blanked, gone + quotes


def _csv_record(record: bytes) -> list[str]:
    text = record.decode("utf-8", "surrogateescape")
    return next(csv_records(io.StringIO(text, newline="")), [])


def _line_ends(data: bytes) -> Ends:
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1
    return ends if data.endswith(b"\n") or not data else np.append(ends, len(data))


def csv_ends(data: bytes) -> Ends:
    """Where the records of a CSV file end; a line break between quotes ends none."""
    if data.count(b"\r") != data.count(b"\r\n"):
        return _slow_csv_ends(data)
    ends = _line_ends(data)
    whole = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(whole == ord('"'))
    if not len(quotes):
        return ends
    if not _are_pairs(data, whole, quotes):
        return _slow_csv_ends(data)
    before = np.searchsorted(quotes, ends)
    return ends[(before % 2 == 0) | (ends == len(data))]


def _are_pairs(data: bytes, whole: npt.NDArray[np.uint8], quotes: Ends) -> bool:
    """Whether every first quote opens a field or doubles the one before it: then counting them tells what is quoted."""
    opening = quotes[::2]
    before = whole[np.maximum(opening - 1, 0)]
    is_start = (opening == 0) | ((opening == 3) & data.startswith(b"\xef\xbb\xbf"))
    return bool((is_start | np.isin(before, np.frombuffer(b',\n"', np.uint8))).all())


def _slow_csv_ends(data: bytes) -> Ends:
    ends: list[int] = []
    length = 0

    def lines() -> Iterable[str]:
        nonlocal length
        for line in io.StringIO(data.decode("utf-8", "surrogateescape"), newline=""):
            length += len(line.encode("utf-8", "surrogateescape"))
            yield line

    for _ in csv_records(lines()):
        ends.append(length)
    if length < len(data) or (data and not ends):
        ends.append(len(data))
    return np.array(ends, np.int64)


def _elements(text: str) -> Iterable[tuple[Any, str]]:
    """Each element of a JSON array, and its text."""
    decoder, place = json.JSONDecoder(), _blank_end(text, 0)
    if text[place : place + 1] == "\ufeff":
        place = _blank_end(text, place + 1)
    if text[place : place + 1] != "[":
        raise ValueError("no array")
    place = _blank_end(text, place + 1)
    while text[place : place + 1] != "]":
        value, end = decoder.raw_decode(text, place)
        yield value, text[place:end]
        place = _blank_end(text, end)
        if text[place : place + 1] == ",":
            place = _blank_end(text, place + 1)
        elif text[place : place + 1] != "]":
            raise ValueError("no end")


_BLANK = re.compile(r"[ \t\r\n]*")


def _blank_end(text: str, place: int) -> int:
    found = _BLANK.match(text, place)
    return found.end() if found else place
