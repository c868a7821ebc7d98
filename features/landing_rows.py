"""What the readers of landing files share: lines that are no row, columns that no contract knows, limits."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

BATCH_ROWS = 65_536
KB, MB = 1 << 10, 1 << 20
EXTRA = "_extra"  # columns that the contract does not know, by name
EXTRA_TYPE = pa.map_(pa.string(), pa.string())
COMPRESSIONS = (".gz", ".zst")
NOT_UTF8 = "it is not UTF-8; save it as UTF-8"
READ_BYTES = 8 << 20  # at once, where the rest may never be wanted
Problem = tuple[int, str, str | None]  # line, what is wrong, text


@dataclass(frozen=True)
class Limits:
    """How large a row may be, and how large what a packed file holds."""

    row_kb: int = 1024
    unpacked_mb: int = 4096

    def says_too_long(self, size: int) -> str:
        """The problem of a row of so many bytes."""
        return f"a row of {size:,} bytes is longer than {self.row_kb:,} kB; is a quote missing? Its text is cut"


def problems(found: Sequence[Problem], limits: Limits = Limits()) -> pa.Table:
    """A table of lines that are no row; no text of theirs is longer than a row may be."""
    lines, told, texts = zip(*found, strict=True)
    longest = limits.row_kb * KB // 4  # a character has four bytes at most
    return pa.table(
        {
            "source_line": pa.array(lines, pa.int64()),
            "problem": pa.array(told, pa.string()),
            "original_text": pa.array([text and text[:longest] for text in texts], pa.string()),
        }
    )


def shown(record: Any) -> str:
    """A refused record as it came, or written as JSON again."""
    if isinstance(record, bytes):
        return record.decode("utf-8", "replace")
    return json.dumps(record, ensure_ascii=False, default=str)


def with_extra(rows: pa.Table, columns: Sequence[str]) -> pa.Table:
    """The table with its columns beside `columns` and `source_line` in one map; null where none of them has a value."""
    if EXTRA in rows.column_names and pa.types.is_map(rows.schema.field(EXTRA).type):
        return rows  # its reader made one
    names = [name for name in rows.column_names if name not in columns and name != "source_line"]
    if not names:
        return rows
    others = rows.select(names)
    made = [_maps(others.slice(start, BATCH_ROWS)) for start in range(0, rows.num_rows, BATCH_ROWS)]
    return rows.drop_columns(names).append_column(EXTRA, pa.chunked_array(made, EXTRA_TYPE))


def _maps(rows: pa.Table) -> pa.Array:
    """A map for each row, of the columns that have a value there."""
    count, width = rows.num_rows, rows.num_columns
    # Row after row, in each the values of all columns: what maps hold one after the other.
    places = np.arange(count * width).reshape(width, count).T.ravel()
    values = pa.concat_arrays([column.combine_chunks() for column in rows.columns]).take(pa.array(places))
    given = pc.is_valid(values)
    keys = pa.array(rows.column_names, pa.string()).take(pa.array(np.tile(np.arange(width), count)))
    sizes = given.to_numpy(zero_copy_only=False).reshape(count, width).sum(axis=1)
    ends = np.concatenate(([0], np.cumsum(sizes))).astype(np.int32)
    starts = pa.array(ends, pa.int32(), mask=np.append(sizes == 0, False))
    return pa.MapArray.from_arrays(starts, keys.filter(given), values.filter(given)).cast(EXTRA_TYPE)


def without_long_rows(rows: pa.Table, limits: Limits) -> tuple[pa.Table, list[Problem]]:
    """The rows that are no longer than a row may be, and those that are."""
    most = limits.row_kb * KB
    texts = [column for name, column in zip(rows.column_names, rows.columns, strict=True) if name != "source_line"]
    sizes = [_bytes_of(column) for column in texts]
    if sum(int(pc.max(size).as_py() or 0) for size in sizes) <= most:
        return rows, []
    total = np.sum([size.to_numpy() for size in sizes], axis=0)
    found: list[Problem] = []
    for place in np.flatnonzero(total > most):
        record = {name: value for name, value in rows.slice(place, 1).to_pylist()[0].items() if value is not None}
        found.append((record.pop("source_line"), limits.says_too_long(int(total[place])), _cut(record, limits)))
    return rows.filter(pa.array(total <= most)), found


def _bytes_of(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Bytes of each text, or of the texts of each map."""
    if not pa.types.is_map(values.type):
        return pc.fill_null(pc.binary_length(values), 0)
    return pa.chunked_array([_bytes_of_maps(chunk) for chunk in values.chunks], pa.int64())


def _bytes_of_maps(maps: pa.MapArray) -> pa.Array:
    sizes = [sum(len(key.encode()) + len(text.encode()) for key, text in one) if one else 0 for one in maps.to_pylist()]
    return pa.array(sizes, pa.int64())


def _cut(record: Mapping[str, Any], limits: Limits) -> str:
    """The beginning of a row as JSON, and no JSON, so that nobody takes it for the row."""
    longest = limits.row_kb * KB // (8 * max(1, len(record)))
    return shown({name: value[:longest] if isinstance(value, str) else None for name, value in record.items()}) + " …"


class _Counted(io.RawIOBase):
    """A packed file's content; an error where it is more than a limit."""

    def __init__(self, stream: pa.NativeFile, most: int) -> None:
        self._stream, self._most, self._read = stream, most, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def read(self, size: int | None = -1) -> bytes:
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(READ_BYTES), b""))
        data: bytes = self._stream.read(size)
        self._read += len(data)
        if self._read > self._most:
            raise ValueError(f"it unpacks to more than {self._most // MB:,} MB; is it what it should be?")
        return data


@contextmanager
def unpacked(path: Path, limits: Limits) -> Iterator[IO[bytes] | pa.NativeFile]:
    """A file's bytes, unpacked; more of them than a packed file may hold are an error."""
    with pa.input_stream(str(path), compression="detect") as stream:
        yield _Counted(stream, limits.unpacked_mb * MB) if path.suffix in COMPRESSIONS else stream
