"""Rows of Parquet files, every value said exactly or not at all."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.landing_rows import BATCH_ROWS, MB, Limits, problems, shown


def parquet_rows(path: Path, columns: tuple[str, ...], limits: Limits) -> Iterator[pa.Table]:
    """Rows of a Parquet file; columns that are not in `columns` as they are, however odd."""
    first = 1
    for batch in batches_within(path, limits):
        data: dict[str, pa.Array] = {}
        invalid: dict[int, str] = {}
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            if name not in columns:
                data[name] = _any_text(values)
                continue
            data[name], bad, problem = _as_text(values)
            invalid |= {place: f"{name} is {problem}" for place in bad if place not in invalid}
        numbers = pa.array(range(first, first + batch.num_rows), pa.int64())
        rows = pa.table(data | {"source_line": numbers})
        if invalid:
            told = [(first + place, invalid[place], shown(batch.slice(place, 1).to_pylist()[0])) for place in invalid]
            rows = rows.take([place for place in range(batch.num_rows) if place not in invalid])
        first += batch.num_rows
        yield rows
        if invalid:
            yield problems(sorted(told, key=lambda one: one[0]), limits)


def batches_within(source: Path | pa.BufferReader, limits: Limits) -> Iterator[pa.RecordBatch]:
    """A Parquet file's rows, of its own types; an error where they are more than a packed file may hold.

    A footer may say less than the pages hold, and a text that stands once in a dictionary be that of many rows: what
    comes is counted, and dictionaries are unpacked after they were.
    """
    file = pq.ParquetFile(source)
    about, schema = file.metadata, file.schema_arrow
    _refuse_bomb(about, limits)
    file = pq.ParquetFile(source, metadata=about, read_dictionary=_texts_in_dictionaries(about, schema))
    left = limits.unpacked_mb * MB
    for batch in file.iter_batches(batch_size=BATCH_ROWS):
        left -= sum(map(_unpacked_bytes, batch.columns))
        if left < 0:
            raise _bomb(limits)
        columns = zip(batch.columns, schema.types, strict=True)
        yield pa.record_batch([values.cast(kind) for values, kind in columns], schema=schema)


def _texts_in_dictionaries(about: pq.FileMetaData, schema: pa.Schema) -> list[str]:
    chunks = [
        about.row_group(group).column(place)
        for group in range(about.num_row_groups)
        for place in range(about.num_columns)
    ]
    named = {chunk.path_in_schema for chunk in chunks if chunk.has_dictionary_page}
    return [field.name for field in schema if field.name in named and pa.types.is_string(field.type)]


def _unpacked_bytes(values: pa.Array) -> int:
    if not pa.types.is_dictionary(values.type) or not pa.types.is_string(values.type.value_type):
        return int(values.nbytes)
    return int(pc.sum(pc.binary_length(values.dictionary).take(values.indices).cast(pa.int64())).as_py() or 0)


def _bomb(limits: Limits) -> ValueError:
    return ValueError(f"it unpacks to more than {limits.unpacked_mb:,} MB; is it what it should be?")


def _refuse_bomb(about: pq.FileMetaData, limits: Limits) -> None:
    """Raise for a file that unpacks to more than the limit, by what its footer says.

    Codes for repeated values are unpacked, too: a value of a row takes four bytes at least.
    """
    unpacked = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
    if max(unpacked, 4 * about.num_rows * about.num_columns) > limits.unpacked_mb * MB:
        raise _bomb(limits)


def _any_text(values: pa.Array) -> pa.Array:
    """Values of a column that no contract knows: as text where Arrow has one, else as JSON, or bytes in hexadecimal."""
    try:
        text, bad, _ = _as_text(values)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        bad = [0]
    if not bad:
        return text
    said = (value.hex() if isinstance(value, bytes) else shown(value) for value in values.drop_null().to_pylist())
    return pa.array([next(said) if is_given else None for is_given in values.is_valid().to_pylist()], pa.string())


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
