"""Whether the columns that a Parquet file declares can hold what the contract says, before a row is read."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import types as T

from schemas.contract import Column

Fits = Callable[[pa.DataType], bool]
TEXT = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary, pa.types.is_null)
NUMBER = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
_FITTING: dict[type[T.DataType], tuple[Fits, ...]] = {
    T.IntegerType: NUMBER,
    T.LongType: NUMBER,
    T.DecimalType: NUMBER,
    T.BooleanType: (pa.types.is_boolean, pa.types.is_integer),
    T.DateType: (pa.types.is_date,),
    T.TimestampType: (pa.types.is_timestamp, pa.types.is_date, *NUMBER),
}


def unfit_columns(path: Path, columns: Iterable[Column]) -> list[tuple[str, str, str]]:
    """(column, declared type, contract's type) of a Parquet file's columns of another kind than the contract's.

    Text fits all, for its values are judged one by one; so do numbers and days where a text belongs.
    """
    schema = pq.read_schema(path)
    found = []
    for column in columns:
        if column.name not in schema.names:
            continue
        declared = schema.field(column.name).type
        if not _fits(declared, column.type):
            found.append((column.name, str(declared), column.type.simpleString()))
    return found


def _fits(declared: pa.DataType, wanted: T.DataType) -> bool:
    if pa.types.is_dictionary(declared):
        declared = declared.value_type
    if pa.types.is_nested(declared):
        return False
    fitting = (*_FITTING.get(type(wanted), ()), *TEXT)
    return isinstance(wanted, T.StringType) or any(fits(declared) for fits in fitting)
