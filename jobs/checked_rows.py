"""The contract's check inside every write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobs.errors import ContractError

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

    from schemas.contract import Column, Table


def checked_rows(rows: "DataFrame", table: "Table", also: tuple[tuple[str, str], ...] = ()) -> "DataFrame":
    """`rows` with exactly the contract's columns and types; a row against a rule makes the write fail by name.

    The check rides in the write itself, on the first column: no second pass over the rows.
    """
    from pyspark.sql import functions as F

    typed = rows.select(*(_typed(column) for column in table.columns))
    rules = [*table.rules(), *also]
    broken = F.coalesce(*(F.when(~F.expr(sql), F.lit(f"contract: {sentence}")) for sentence, sql in rules))
    head, *rest = table.column_names
    # This form and no other: raise_error inside CASE gave false alarms on Sail 0.7.2, where a filter stood below it.
    passes = F.assert_true(broken.isNull(), F.coalesce(broken, F.lit(""))).cast(table[head].type)
    return typed.select(F.coalesce(passes, F.col(head)).alias(head), *rest)


@contextmanager
def missing_columns_named(rows: "DataFrame", table: "Table") -> Iterator[None]:
    """Of a write of `rows` that the engine can't plan: name the contract's columns that they lack.

    Looked for only then: to ask the engine for their columns takes half a second of a plan of hundreds.
    """
    from pyspark.errors import AnalysisException

    try:
        yield
    except AnalysisException:
        missing = [name for name in table.column_names if name not in rows.columns]
        if missing:
            sentence = f"{table.name}: column {', '.join(missing)} missing; see docs/data-dictionary.md"
            raise ContractError(sentence) from None
        raise


def _typed(column: "Column") -> "SparkColumn":
    from pyspark.sql import functions as F
    from pyspark.sql import types as T

    # Cast to their own type, Sail takes maps for others than those of the stored table.
    found = F.col(column.name)
    return found if isinstance(column.type, T.MapType) else found.cast(column.type).alias(column.name)
