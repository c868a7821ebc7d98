"""Rows of CSV files: by Arrow's reader, and where that finds a fault, by Arrow again without the rows at fault.

The header is record 1; empty lines are no records. A row that is not UTF-8 or too long is refused alone.
"""

import codecs
import csv
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.csv as pa_csv

from features.landing_rows import KB, MB, NOT_UTF8, Limits, Problem, problems, unpacked

BLOCK_MB = 8  # Arrow holds a block at once, and no row may be longer
NAME_LENGTH = 10_000  # of a column
HEAD_BYTES = 1 << 20
LOOK_AHEAD = 64  # rows of the greatest length: so far off may be the quote that ends too long a row
FAULTS = ("invalid UTF8", "straddling", "CSV parse error")  # of single rows, as Arrow says them


def csv_records(lines: Iterable[str]) -> Iterator[list[str]]:
    """Records of CSV text, however long a field is: Python's own limit is the process's, whoever set it last."""
    csv.field_size_limit(sys.maxsize)
    return csv.reader(lines)


def csv_names(path: Path) -> list[str]:
    """The names in a CSV file's first row, doubled ones too."""
    return _head(path)[0]


def csv_rows(path: Path, columns: tuple[str, ...], limits: Limits) -> Iterator[pa.Table]:
    """Rows of a CSV file."""
    names, is_header_alone = _head(path)
    if is_header_alone:  # without a line end, which Arrow calls no CSV
        return
    wanted = [*columns, *(name for name in dict.fromkeys(names) if name not in columns)]
    try:
        with unpacked(path, limits) as stream:
            data, found = _parsed(stream, wanted, limits)
            numbers: range | list[int] = range(1, data.num_rows + len(found) + 2)
    except pa.ArrowInvalid as error:
        if not any(fault in str(error) for fault in FAULTS):
            raise
        with unpacked(path, limits) as stream:
            sound = sound_records(stream.read(), len(names), limits)
        data, found = _parsed(io.BytesIO(sound.text), wanted, limits)
        numbers = sound.numbers
        if len(numbers) != data.num_rows + len(found) + 1:
            raise ValueError("its rows can't be told apart; is a quote missing?") from None
        found = [(numbers[number - 1], problem, text) for number, problem, text in found] + sound.refused
        yield _numbered(data, numbers, {number for number, *_ in found})
        yield problems(sorted(found), limits)
        return
    yield _numbered(data, numbers, {number for number, *_ in found})
    if found:
        yield problems(found, limits)


def _numbered(data: pa.Table, numbers: range | list[int], refused: set[int]) -> pa.Table:
    kept = [number for number in numbers[1:] if number not in refused] if refused else numbers[1:]
    return data.append_column("source_line", pa.array(kept, pa.int64()))


def _parsed(stream: IO[bytes] | pa.NativeFile, wanted: list[str], limits: Limits) -> tuple[pa.Table, list[Problem]]:
    """The rows that have a value or none for every column, and those that have too few or too many."""
    ragged: list[Problem] = []

    def remember(row: pa_csv.InvalidRow) -> str:
        problem = f"{row.actual_columns} fields instead of {row.expected_columns}"
        ragged.append((row.number or 0, problem, row.text))
        return "skip"

    with _quiet():
        return _arrow_table(stream, wanted, remember, max(BLOCK_MB * MB, 2 * limits.row_kb * KB)), ragged


def _arrow_table(
    stream: IO[bytes] | pa.NativeFile, wanted: list[str], on_invalid: Callable[[pa_csv.InvalidRow], str], block: int
) -> pa.Table:
    # One thread: only then does Arrow know the number of a row that it refuses.
    blocks = pa_csv.ReadOptions(use_threads=False, block_size=block)
    dialect = pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=on_invalid)
    convert = pa_csv.ConvertOptions(
        column_types={name: pa.string() for name in wanted},
        include_columns=wanted,
        include_missing_columns=True,
        strings_can_be_null=True,
        null_values=[""],
    )
    return pa_csv.read_csv(stream, blocks, dialect, convert)


@contextmanager
def _quiet() -> Iterator[None]:
    """Arrow can't show `remember` a ragged row that is not UTF-8: it prints so, and fails with one of `FAULTS`."""
    told, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = told


def _head(path: Path) -> tuple[list[str], bool]:
    """The names in the first row, and whether the file is that row alone, without a line end.

    Raises for names that are not UTF-8, which Arrow would only not find.
    """
    with pa.input_stream(str(path), compression="detect") as stream:
        head = stream.read(HEAD_BYTES)
    text = codecs.getincrementaldecoder("utf-8-sig")("replace").decode(head).lstrip("\r\n")
    names = next(csv_records(io.StringIO(text, newline="")), [])
    if any(len(name) > NAME_LENGTH for name in names):
        raise ValueError("its first row is no header: a name is too long; is a quote or a line end missing?")
    if any("\ufffd" in name or "\0" in name for name in names):
        raise ValueError(NOT_UTF8)
    if not names:
        raise ValueError("it is empty, without a header")
    return names, len(head) < HEAD_BYTES and not any(end in text for end in "\r\n")


@dataclass
class Sound:
    """A CSV file without the records at fault: its text, the numbers of the records in it, and what was left out."""

    text: bytes
    numbers: list[int]
    refused: list[Problem]


@dataclass
class _Sorted:
    """Records as they come."""

    limits: Limits
    kept: list[bytes] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    count: int = 0

    def add(self, record: bytes) -> None:
        """Take the next record, empty ones apart."""
        if not record.strip(b"\r"):
            return
        self.count += 1
        if len(record) > self.limits.row_kb * KB:
            self.refuse(record, self.limits.says_too_long(len(record)))
            return
        try:
            record.decode()
        except UnicodeDecodeError:
            self.refuse(record, "the row is not UTF-8")
        else:
            self.kept.append(record)
            self.numbers.append(self.count)

    def refuse(self, record: bytes, problem: str) -> None:
        """Keep the text of a record, mended where it is not UTF-8."""
        longest = self.limits.row_kb * KB
        self.refused.append((self.count, problem, record[:longest].decode("utf-8", "replace").rstrip("\r")))


def sound_records(data: bytes, columns: int, limits: Limits) -> Sound:
    """The file's records but for those that are not UTF-8 or too long.

    Where a quote stays open for longer than a row may be, it is most often one too many: then its line is refused
    alone, and reading goes on after it. Only where the quote ends a row of the right number of fields, however long, is
    all of that row refused.
    """
    end = b"\n" if b"\n" in data else b"\r"
    lines = data.split(end)
    found = _Sorted(limits)
    place = 0
    while place < len(lines):
        last = _last_line(lines, place, limits.row_kb * KB)
        if last is None:
            last = _last_line(lines, place, LOOK_AHEAD * limits.row_kb * KB)
            if last is None or _field_count(end.join(lines[place : last + 1])) != columns:
                last = place
                found.count += 1
                found.refuse(lines[place], f"a quote is open for more than {limits.row_kb:,} kB; one is missing")
                place += 1
                continue
        found.add(end.join(lines[place : last + 1]))
        place = last + 1
    return Sound(end.join(found.kept) + end, found.numbers, found.refused)


def _last_line(lines: list[bytes], first: int, most: int) -> int | None:
    """The line that ends the record which begins at `first`; None where its quotes stay open for too long."""
    is_open, size = False, 0
    for place in range(first, len(lines)):
        is_open = _stays_open(lines[place], is_open)
        if not is_open:
            return place
        size += len(lines[place])
        if size > most:
            return None
    return len(lines) - 1 if size <= most else None


def _stays_open(line: bytes, is_open: bool) -> bool:
    """Whether a quoted value goes on after the line, as Arrow reads quotes: one opens where a value begins."""
    if b'"' not in line:
        return is_open
    place = 0
    while True:
        if is_open:
            place = line.find(b'"', place)
            if place < 0:
                return True
            if line[place + 1 : place + 2] == b'"':
                place += 2
                continue
            is_open = False
        elif line[place : place + 1] == b'"':
            is_open, place = True, place + 1
            continue
        place = line.find(b",", place) + 1
        if not place:
            return False


def _field_count(record: bytes) -> int:
    return len(next(csv_records(io.StringIO(record.decode("utf-8", "replace"), newline="")), []))
