"""What any file of a lake says, in pieces to search: texts of Parquet columns, unpacked archives, else the bytes."""

import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from schemas.tables import TABLES

COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
PIECE_BYTES = 1 << 24
PIECE_ROWS = 1 << 20
LONGEST_NAME = 1 << 12  # bytes of an id, however it is spelt
CUSTOMER_COLUMNS = frozenset(column for table in TABLES for column in table.customer_columns)
_TEXTS = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
_BETWEEN_WORDS = re.compile(rb"[\s,;|\"'<>{}\[\]()=\0]")
_FOOTER_TAIL = 8  # bytes: length of the footer, magic
Piece = tuple[str, bytes]  # name of the column, empty for what is none; text, values between zero bytes


def files_below(folder: Path) -> Iterator[Path]:
    """Every file in a folder, however deep; linked folders too, each folder once, whatever links lead to it."""
    seen: set[tuple[int, int]] = set()
    roots = [folder]  # then the links met: what lies in two places is found in its own first
    for root in roots:
        for parent, folders, names in os.walk(root):
            about = os.stat(parent)
            if (about.st_dev, about.st_ino) in seen:
                folders.clear()
                continue
            seen.add((about.st_dev, about.st_ino))
            roots += [Path(parent, name) for name in sorted(folders) if os.path.islink(os.path.join(parent, name))]
            yield from (path for path in (Path(parent, name) for name in names) if path.is_file())


def texts_of(path: Path) -> Iterator[Piece]:
    """A file's content in pieces; none ends within a word."""
    if path.suffix == ".parquet":
        with suppress(OSError, pa.ArrowException):
            file = pq.ParquetFile(path, read_dictionary=_flat_texts(path))
            yield from parquet_texts(file)
            yield "", _footer(path)
            return
    if path.suffix in COMPRESSIONS:
        with suppress(OSError, pa.ArrowException):
            with pa.input_stream(str(path), compression=COMPRESSIONS[path.suffix]) as stream:
                yield from _pieces(stream)
            return
    if zipfile.is_zipfile(path):
        with suppress(zipfile.BadZipFile, NotImplementedError, RuntimeError), zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    yield from _pieces(member)
    with path.open("rb") as stream:
        yield from _pieces(stream)


def parquet_texts(file: pq.ParquetFile) -> Iterator[Piece]:
    """Texts of a Parquet file, column by column, each value between zero bytes."""
    names = [field.name for field in file.schema_arrow if not _has_no_text(field.type)]
    for group in range(file.num_row_groups):
        for name in names:
            for batch in file.iter_batches(PIECE_ROWS, row_groups=[group], columns=[name]):
                for leaf in leaves(batch.column(0)):
                    yield name, separated(leaf)


def csv_customers(path: Path) -> Iterator[Piece]:
    """The customer columns of a CSV file, where it can be read."""
    with suppress(OSError, pa.ArrowException):
        dialect = pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda _: "skip")
        names = pa_csv.open_csv(path, parse_options=dialect).schema.names
        if chosen := sorted(CUSTOMER_COLUMNS & set(names)):
            convert = pa_csv.ConvertOptions(include_columns=chosen, column_types={name: pa.string() for name in chosen})
            table = pa_csv.read_csv(path, parse_options=dialect, convert_options=convert)
            yield from ((name, separated(leaf)) for name in chosen for leaf in leaves(table[name]))


def leaves(column: pa.ChunkedArray | pa.Array) -> Iterator[pa.Array]:
    """The arrays of text of a column, whatever it is nested in."""
    if isinstance(column, pa.ChunkedArray):
        for chunk in column.chunks:
            yield from leaves(chunk)
    elif pa.types.is_dictionary(column.type):
        yield from leaves(column.dictionary)
    elif pa.types.is_map(column.type):
        yield from leaves(column.keys)
        yield from leaves(column.items)
    elif pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        yield from leaves(column.flatten())
    elif pa.types.is_struct(column.type):
        for part in column.flatten():
            yield from leaves(part)
    elif column.type in _TEXTS:
        yield column


def separated(texts: pa.Array) -> bytes:
    """All values, each between zero bytes."""
    kind = pa.large_string() if texts.type in _TEXTS[:2] else pa.large_binary()
    values = texts.drop_null().cast(kind)
    if not len(values):
        return b""
    ended = pc.binary_join_element_wise(values, pa.scalar("", kind), pa.scalar("\0", kind))
    return b"\0" + ended.buffers()[2].to_pybytes()


def _has_no_text(kind: pa.DataType) -> bool:
    return pa.types.is_primitive(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)


def _flat_texts(path: Path) -> list[str]:
    return [field.name for field in pq.read_schema(path) if pa.types.is_string(field.type)]


def _footer(path: Path) -> bytes:
    """Statistics and schema, as they stand in a Parquet file."""
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(size - _FOOTER_TAIL)
        length = int.from_bytes(stream.read(4), "little")
        stream.seek(max(0, size - _FOOTER_TAIL - length))
        return stream.read(length)


def _pieces(stream: IO[bytes] | pa.NativeFile) -> Iterable[Piece]:
    """What a stream says, cut where a line ends; of a line without end parts that overlap, each from a blank on.

    However much an archive unpacks to, no more than two pieces of it are in memory.
    """
    rest = b""
    while block := stream.read(PIECE_BYTES):
        whole = rest + block
        cut = again = whole.rfind(b"\n") + 1
        if not cut and len(whole) > PIECE_BYTES:
            cut = _blank_before(whole, len(whole))
            again = _blank_before(whole, cut - LONGEST_NAME)
        if cut:
            yield "", whole[:cut]
        rest = whole[again:]
    if rest:
        yield "", rest


def _blank_before(text: bytes, end: int) -> int:
    """Where the last of what parts words ends, before a place; there, where no word is so short."""
    begin = end - LONGEST_NAME
    found = [one.end() for one in _BETWEEN_WORDS.finditer(text, begin, end)]
    return found[-1] if found else end
