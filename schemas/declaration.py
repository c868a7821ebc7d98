"""The language in which features are declared: sources, facts, windows, and what a snapshot makes of them.

A *fact* is what a tile adds up of one source's rows: an SQL expression over them. Its `merge` says how tiles combine:

- `sum`: of whole numbers or decimals. Tiles merge by addition, in any order and grouping to the same number, and can be
  taken away again, which windows that roll need.
- `max`, `min`: merge in any order and grouping, idempotent, but nothing can be taken away. Hence only of sources whose
  rows are never undone, and over the whole lifetime.

A *feature* is one column of `feature_customer`. The functions of `schemas/declared/lines.py` make those of one line. Kinds that no sum makes (distinct, top, quantile, largest in a window) are made of product tiles.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pyspark.sql import types as T

from schemas.contract import Between, Column, NotNull

# Doubles would leave a rest of 1e-15 in a window whose tiles have all left it.
EXACT = T.DecimalType(20, 6)  # seconds to the microsecond, scores to the millionth
SQUARED_MONEY = T.DecimalType(38, 8)
COUNT = T.LongType()
MERGES = ("sum", "max", "min")


class Window(NamedTuple):
    """Days [D - lag - days + 1, D - lag]; all days up to D where `days` is None."""

    days: int | None
    lag: int = 0

    @property
    def label(self) -> str:
        """The end of a feature's name."""
        if self.days is None:
            return "lifetime"
        return f"{self.days}d" + {0: "", YEAR: "_last_year", YEAR - self.days: "_next_last_year"}.get(
            self.lag, f"_before_{self.lag}d"
        )

    @property
    def during(self) -> str:
        """The window in words."""
        if self.days is None:
            return "ever"
        if self.lag == 0:
            return f"in the last {self.days} days"
        if self.lag == YEAR:
            return f"in the same {self.days} days last year, weekday by weekday"
        if self.lag == YEAR - self.days:
            return f"in what are the coming {self.days} days, last year"
        return f"in the {self.days} days before the last {self.lag}"


YEAR = 364  # whole weeks: the same weekday
LIFETIME = Window(None)
LAST_YEAR, NEXT_LAST_YEAR = Window(28, YEAR), Window(28, YEAR - 28)


def last(*days: int) -> tuple[Window, ...]:
    """The windows of the last so many days."""
    return tuple(Window(number) for number in days)


@dataclass(frozen=True)
class Source:
    """Rows that facts are of: those of `table`, as features/tiles.py reads them, on the day in column `day`.

    `is_only_added`: no later run takes from what an earlier one told. `is_of_visitors`: told of visitors too.
    """

    name: str
    table: str
    day: str = "event_date"
    is_only_added: bool = True
    is_of_visitors: bool = False


@dataclass(frozen=True)
class Fact:
    """One column of the tiles: `value`, an SQL expression over the source's rows, merged by `merge`."""

    name: str
    source: Source
    value: str
    type: T.DataType
    meaning: str
    unit: str
    merge: str = "sum"

    def __post_init__(self) -> None:
        if self.merge not in MERGES:
            raise ValueError(f"{self.name}: merge {self.merge} is none of {', '.join(MERGES)}")
        if self.merge != "sum" and not self.source.is_only_added:
            raise ValueError(f"{self.name}: a {self.merge} can't be taken back, but {self.source.name} are")

    @property
    def column(self) -> Column:
        """The fact as a contract column; a greatest or least is null where there was nothing."""
        return Column(self.name, self.type, self.meaning, (NotNull(),) if self.merge == "sum" else (), self.unit)


@dataclass(frozen=True)
class Feature:
    """One column of `feature_customer`.

    `kind` says how it comes from the days up to D (BTYD: Fader, Hardie, Lee 2005):

    - from tiles: `sum` of `fact` in `window`, `max`/`min` of it ever, `active_days` with a positive fact, `recency` and
      `tenure` in days since the last and first such day, and the order history that BTYD models read (`btyd`, `mean`);
    - from product tiles: `distinct` products with a positive fact, `top` category by it and its `top_share`, `quantile`
      of the price paid for a unit;
    - from other features: `ratio` of `fact` / `per` (null where `per` is 0), `difference` of the same, `spread` (standard
      deviation from count `per`, sum `fact` and sum of squares `squares`), `gap` mean days between such days.
    """

    name: str
    kind: str
    fact: str
    meaning: str
    unit: str
    type: T.DataType
    window: Window = LIFETIME
    per: str | None = None
    squares: str | None = None
    quantile: float | None = None

    @property
    def column(self) -> Column:
        """The feature as a contract column."""
        rules = (NotNull(),) if self.kind in NEVER_NULL else ()
        bounds = (Between(0),) if self.kind in NOT_NEGATIVE else ()
        bounds = (Between(0, 1),) if self.kind == "top_share" else bounds
        return Column(self.name, self.type, self.meaning, (*rules, *bounds), self.unit or None)

    @property
    def is_number(self) -> bool:
        """Whether models can read it."""
        return not isinstance(self.type, T.StringType)


NEVER_NULL = ("sum", "active_days", "distinct")
NOT_NEGATIVE = ("active_days", "recency", "tenure", "gap", "gap_365d", "spread", "btyd", "distinct")


class Declared(NamedTuple):
    """What one line declares: the facts that tiles need for it, and the features."""

    facts: tuple[Fact, ...]
    features: tuple[Feature, ...]
    parts: tuple[Feature, ...] = ()  # sums that features are made of, and no features themselves


def facts_of(declared: Iterable[Declared]) -> tuple[Fact, ...]:
    """Every fact once; two lines may share one, if they mean the same by its name."""
    found: dict[str, Fact] = {}
    for line in declared:
        for fact in line.facts:
            if found.setdefault(fact.name, fact) != fact:
                raise ValueError(f"fact {fact.name} is declared twice, and not the same")
    return tuple(found.values())


def features_of(declared: Iterable[Declared]) -> tuple[Feature, ...]:
    """Every feature, in the order of the lines."""
    return tuple(feature for line in declared for feature in line.features)


def parts_of(declared: Iterable[Declared]) -> tuple[Feature, ...]:
    """Sums that are kept for features to be made of."""
    return tuple(part for line in declared for part in line.parts)
