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
    source = pq.ParquetFile(path)
    _refuse_bomb(source, limits)
    first = 1
    for batch in source.iter_batches(batch_size=BATCH_ROWS):
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


def _refuse_bomb(source: pq.ParquetFile, limits: Limits) -> None:
    """Raise for a file that unpacks to more than the limit, by what its footer says.

    Codes for repeated values are unpacked, too: a value of a row takes four bytes at least.
    """
    about = source.metadata
    unpacked = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
    if max(unpacked, 4 * about.num_rows * about.num_columns) > limits.unpacked_mb * MB:
        raise ValueError(f"it unpacks to more than {limits.unpacked_mb:,} MB; is it what it should be?")


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
