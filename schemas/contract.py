"""What a table is: grain, key, columns and constraints, declared once.

From a `Table` come the Spark type, the check inside every write, the Great Expectations suite, the column comments in
Delta, the rows that tests build and the data dictionary. A constraint supplies its check, its expectation and its
sentence together, so documentation cannot drift from what is enforced.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pyspark.sql import types as T

MONEY = T.DecimalType(18, 2)
LINE_MONEY = T.DecimalType(18, 4)  # unit prices of real shops have up to four decimals; cents only after summing
EXCHANGE_RATE = T.DecimalType(18, 10)
ERASED = "(erased)"  # what an erasure leaves in place of a text

Expectation = tuple[str, dict[str, Any]]


class Constraint:
    """A rule about one column. NULL passes every rule but `NotNull`."""

    def sql(self, column: str) -> str:
        """SQL that is true for an allowed value."""
        raise NotImplementedError

    def sentence(self) -> str:
        """The rule in words, for the data dictionary."""
        raise NotImplementedError

    def expectation(self, column: str) -> Expectation:
        """Great Expectations type and arguments of the same rule."""
        raise NotImplementedError


@dataclass(frozen=True)
class NotNull(Constraint):
    """A value must be present."""

    def sql(self, column: str) -> str:
        """SQL that is true for an allowed value."""
        return f"`{column}` IS NOT NULL"

    def sentence(self) -> str:
        """The rule in words."""
        return "never null"

    def expectation(self, column: str) -> Expectation:
        """The same rule for Great Expectations."""
        return "expect_column_values_to_not_be_null", {"column": column}


@dataclass(frozen=True)
class Between(Constraint):
    """Numbers in a closed interval; an open end is None."""

    low: float | None = None
    high: float | None = None

    def sql(self, column: str) -> str:
        """SQL that is true for an allowed value."""
        parts = [f"`{column}` >= {self.low}"] if self.low is not None else []
        parts += [f"`{column}` <= {self.high}"] if self.high is not None else []
        return f"(`{column}` IS NULL OR ({' AND '.join(parts)}))"

    def sentence(self) -> str:
        """The rule in words."""
        if self.high is None:
            return f"at least {self.low:,}"
        if self.low is None:
            return f"at most {self.high:,}"
        return f"from {self.low:,} to {self.high:,}"

    def expectation(self, column: str) -> Expectation:
        """The same rule for Great Expectations."""
        return (
            "expect_column_values_to_be_between",
            {"column": column, "min_value": self.low, "max_value": self.high},
        )


@dataclass(frozen=True)
class OneOf(Constraint):
    """One of a fixed set of words."""

    values: tuple[str, ...]

    def sql(self, column: str) -> str:
        """SQL that is true for an allowed value."""
        words = ", ".join(f"'{value}'" for value in self.values)
        return f"(`{column}` IS NULL OR `{column}` IN ({words}))"

    def sentence(self) -> str:
        """The rule in words."""
        return "one of " + ", ".join(f"`{value}`" for value in self.values)

    def expectation(self, column: str) -> Expectation:
        """The same rule for Great Expectations."""
        return "expect_column_values_to_be_in_set", {"column": column, "value_set": list(self.values)}


@dataclass(frozen=True)
class Column:
    """One column: its type, unit and meaning, and the rules that its values keep.

    `is_direct_identifier` marks names, e-mails and the like, which never leave the raw layer.
    """

    name: str
    type: T.DataType
    meaning: str
    constraints: tuple[Constraint, ...] = ()
    unit: str | None = None
    is_direct_identifier: bool = False

    @property
    def is_required(self) -> bool:
        """Whether the column may never be null."""
        return any(isinstance(rule, NotNull) for rule in self.constraints)

    @property
    def comment(self) -> str:
        """Meaning and unit, as the column comment in Delta shows them."""
        return f"{self.meaning} Unit: {self.unit}." if self.unit else self.meaning


@dataclass(frozen=True)
class Table:
    """A table's contract.

    `slice_column` is the date column whose slice one run replaces; a table without one is merged on `key`. Files are cut
    by the slice, or by the date column `cut_column` where that is what rows are looked up by: a merge, or who asks for
    single days of long ago, then reads only the files of those.
    Erasure follows three declarations: `customer_columns` hold customer ids; `linked_columns` (`order_id`, `visitor_id`,
    `device_id`, `email_hash`, or `identifier` for any of the last three) hold ids of a customer's orders, browsers and
    addresses, in rows that may not name the customer; `quoting_columns` are free text that may quote a customer.
    `checks` are rules over several columns of a row, as (sentence, SQL that is true when the rule holds).
    """

    name: str
    meaning: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    slice_column: str | None = None
    cut_column: str | None = None
    customer_columns: tuple[str, ...] = ()
    linked_columns: tuple[str, ...] = ()
    quoting_columns: tuple[str, ...] = ()
    checks: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        names = self.column_names
        followed = (*self.customer_columns, *self.linked_columns, *self.quoting_columns)
        used = (*self.key, *followed, *self.partition_columns)
        missing = [name for name in used if name not in names]
        if missing or len(set(names)) != len(names):
            raise ValueError(f"{self.name}: a column is declared twice, or used but not declared: {missing}")

    @property
    def layer(self) -> str:
        """The first word of the name: raw, clean, feature, score, customer, campaign or ops."""
        return self.name.split("_", 1)[0]

    @property
    def partition_columns(self) -> list[str]:
        """The column by which the table's files are cut, if any."""
        column = self.cut_column or self.slice_column
        return [column] if column else []

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the table's order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def struct(self) -> T.StructType:
        """The Spark type. Every field is nullable: engines lose NOT NULL on the way, the write check keeps it."""
        return T.StructType([T.StructField(column.name, column.type) for column in self.columns])

    @property
    def commented_struct(self) -> T.StructType:
        """The same with column comments, to make the table by; Sail 0.7.2 can't run every plan over such a frame."""
        return T.StructType([T.StructField(c.name, c.type, True, {"comment": c.comment}) for c in self.columns])

    @property
    def has_arrays(self) -> bool:
        """Whether a column holds arrays."""
        return any(isinstance(column.type, T.ArrayType) for column in self.columns)

    def rules(self) -> list[tuple[str, str]]:
        """Every row rule as (sentence, SQL that is true when it holds)."""
        of_columns = [
            (f"{column.name} must be {rule.sentence()}", rule.sql(column.name))
            for column in self.columns
            for rule in column.constraints
        ]
        return of_columns + list(self.checks)

    def expectations(self) -> list[Expectation]:
        """The Great Expectations of this table: its columns, row rules and key."""
        suite: list[Expectation] = [
            ("expect_table_columns_to_match_set", {"column_set": list(self.column_names), "exact_match": True})
        ]
        suite += [rule.expectation(column.name) for column in self.columns for rule in column.constraints]
        if len(self.key) == 1:
            suite.append(("expect_column_values_to_be_unique", {"column": self.key[0]}))
        else:
            suite.append(("expect_compound_columns_to_be_unique", {"column_list": list(self.key)}))
        return suite

    def row(self, **values: Any) -> dict[str, Any]:
        """A valid row for tests: the given values, plain defaults in the other required columns, else None."""
        unknown = set(values) - set(self.column_names)
        if unknown:
            raise KeyError(f"{self.name} has no column {', '.join(sorted(unknown))}")
        return {column.name: _default(column) for column in self.columns} | values

    def rows(self, *given: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Rows for `createDataFrame(rows, table.struct)`, each filled up by `row`."""
        return [tuple(_fitting(self[name], value) for name, value in self.row(**values).items()) for values in given]


def _fitting(column: Column, value: Any) -> Any:
    """Let tests write 1 for a decimal or a double."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(column.type, T.DecimalType):
        return Decimal(str(value))
    return float(value) if isinstance(column.type, T.FloatType | T.DoubleType) else value


def _default(column: Column) -> Any:
    if not column.is_required:
        return None
    words = next((rule.values for rule in column.constraints if isinstance(rule, OneOf)), None)
    if words:
        return words[0]
    low = next((rule.low or 0 for rule in column.constraints if isinstance(rule, Between)), 0)
    low = low if low >= -1 else 0  # a wide range's end is no usual value
    match column.type:
        case T.StringType():
            return column.name
        case T.BooleanType():
            return False
        case T.DateType():
            return date(2024, 1, 31)
        case T.TimestampType():
            return datetime(2024, 1, 31, 12, tzinfo=UTC)
        case T.DecimalType():
            return Decimal(str(low))
        case T.FloatType() | T.DoubleType():
            return float(low)
        case T.ArrayType():
            return []
        case _:
            return int(low)
