"""The language in which features are declared: sources, facts, windows, and what a snapshot makes of them.

A *fact* is what a tile adds up of one source's rows: an SQL expression over them. Its `merge` says how tiles combine:

- `sum`: of whole numbers or decimals. Tiles merge by addition, in any order and grouping to the same number, and can be
  taken away again, which windows that roll need.
- `max`, `min`: merge in any order and grouping, idempotent, but nothing can be taken away. Hence only of sources whose
  rows are never undone, and over the whole lifetime.

A *feature* is one column of `feature_customer`. The functions below make the features of one declared line: one per
window. Kinds that no sum makes (distinct, top, quantile, largest in a window) are made of product tiles.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from pyspark.sql import types as T

from schemas.contract import LINE_MONEY, Between, Column, NotNull

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
NOT_NEGATIVE = ("active_days", "recency", "tenure", "gap", "spread", "btyd", "distinct")


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


def kept(line: Declared) -> Declared:
    """The line with its facts' lifetime sums as parts."""
    parts = tuple(
        Feature(f"state_{fact.name}", "sum", fact.name, f"{_stem(fact)}, ever.", fact.unit, fact.type)
        for fact in line.facts
    )
    return line._replace(parts=(*line.parts, *parts))


def total(
    name: str,
    source: Source,
    value: str,
    meaning: str,
    unit: str,
    windows: Sequence[Window] = (),
    type: T.DataType = COUNT,
    where: str | None = None,
    feature: str | None = None,
) -> Declared:
    """Sum of `value` over the rows that are `where`; features are called `feature` (default: as the fact)."""
    told = f"CASE WHEN {where} THEN {value} ELSE 0 END" if where else value
    fact = Fact(name, source, told, type, meaning, unit)
    return Declared((fact,), _windowed("sum", fact, feature or name, windows))


def count(
    name: str, source: Source, meaning: str, unit: str, windows: Sequence[Window] = (), where: str | None = None
) -> Declared:
    """Rows that are `where`."""
    return total(name, source, "1", meaning, unit, windows, where=where)


def money(
    name: str,
    source: Source,
    value: str,
    meaning: str,
    windows: Sequence[Window] = (),
    where: str | None = None,
    feature: str | None = None,
) -> Declared:
    """`total` of money."""
    return total(name, source, value, meaning, "shop currency", windows, LINE_MONEY, where, feature)


def extreme(
    name: str, merge: str, source: Source, value: str, meaning: str, unit: str, type: T.DataType = COUNT
) -> Declared:
    """Greatest (`max`) or least (`min`) value of the lifetime; null without any."""
    fact = Fact(name, source, value, type, meaning, unit, merge)
    return Declared((fact,), (Feature(f"{name}_lifetime", merge, name, f"{_stem(fact)}, ever.", unit, type),))


def mean(
    name: str,
    source: Source,
    value: str,
    meaning: str,
    unit: str,
    windows: Sequence[Window],
    type: T.DataType = COUNT,
    spread: bool = False,
) -> Declared:
    """Mean of `value` over the rows that have one; with `spread` its standard deviation too."""
    known = f"CASE WHEN {value} IS NULL THEN 0 ELSE 1 END"
    facts = [
        Fact(f"{name}_sum", source, value, type, f"Sum: {_lower(meaning)}.", unit),
        Fact(f"{name}_number", source, known, COUNT, f"Rows with a value: {_lower(meaning)}.", "rows"),
    ]
    if spread:
        square = SQUARED_MONEY if type == LINE_MONEY else type
        facts.append(
            Fact(f"{name}_squares", source, f"({value}) * ({value})", square, f"Sum of squares: {_lower(meaning)}.", f"{unit} squared")
        )  # fmt: skip
    features, kept = [], []
    for window in windows:
        parts = [_windowed("sum", fact, f"state_{fact.name}", (window,))[0] for fact in facts]
        kept += parts
        features.append(
            Feature(
                f"mean_{name}_{window.label}",
                "ratio",
                parts[0].name,
                f"Mean: {_lower(meaning)}, {window.during}.",
                unit,
                T.DoubleType(),
                window,
                parts[1].name,
            )
        )
        if spread:
            told = f"Standard deviation: {_lower(meaning)}, {window.during}."
            features.append(
                Feature(f"{name}_spread_{window.label}", "spread", parts[0].name, told, unit, T.DoubleType(), window, parts[1].name, parts[2].name)
            )  # fmt: skip
    return Declared(tuple(facts), tuple(features), tuple(kept))


def active_days(fact: str, name: str, meaning: str, windows: Sequence[Window]) -> Declared:
    """Days with a positive fact."""
    return Declared(
        (),
        tuple(
            Feature(f"{name}_{w.label}", "active_days", fact, f"{meaning} {w.during}.", "days", COUNT, w)
            for w in windows
        ),
    )


def since(kind: str, name: str, fact: str, meaning: str) -> Declared:
    """Days since the last (`recency`) or first (`tenure`) day with a positive fact; null where there was none."""
    return Declared((), (Feature(name, kind, fact, meaning, "days", COUNT),))


def ratio(name: str, over: str, per: str, meaning: str, unit: str = "share") -> Declared:
    """A ratio of two features; null where the second is zero."""
    return Declared((), (Feature(name, "ratio", over, meaning, unit, T.DoubleType(), per=per),))


def difference(name: str, over: str, less: str, meaning: str, unit: str) -> Declared:
    """One feature less another."""
    return Declared((), (Feature(name, "difference", over, meaning, unit, T.DoubleType(), per=less),))


def derived(kind: str, name: str, fact: str, meaning: str, unit: str = "days") -> Declared:
    """A feature of another kind than a line above makes."""
    return Declared((), (Feature(name, kind, fact, meaning, unit, T.DoubleType()),))


def distinct(name: str, fact: str, meaning: str, windows: Sequence[Window]) -> Declared:
    """Products with a positive fact of the product tiles, counted exactly."""
    return Declared(
        (),
        tuple(
            Feature(f"{name}_{w.label}", "distinct", fact, f"{meaning} {w.during}.", "products", COUNT, w)
            for w in windows
        ),
    )


def top(name: str, fact: str, meaning: str, window: Window) -> Declared:
    """The category with most of a fact, ties by name, and its share; null without any."""
    told = f"{meaning}, {window.during}"
    return Declared(
        (),
        (
            Feature(f"{name}_{window.label}", "top", fact, f"{told}; of equals the first by name.", "", T.StringType(), window),
            Feature(f"{name}_share_{window.label}", "top_share", fact, f"Its share: {_lower(told)}.", "share", T.DoubleType(), window),
        ),
    )  # fmt: skip


def price_quantile(name: str, at: float, meaning: str, window: Window) -> Declared:
    """Exact quantile of the prices paid for a unit, one a product and day (interpolated, as Spark's `percentile`)."""
    feature = Feature(f"{name}_{window.label}", "quantile", "sale_amount", f"{meaning} {window.during}.", "shop currency", T.DoubleType(), window)  # fmt: skip
    return Declared((), (replace(feature, quantile=at),))


def _windowed(kind: str, fact: Fact, name: str, windows: Sequence[Window]) -> tuple[Feature, ...]:
    return tuple(
        Feature(f"{name}_{w.label}", kind, fact.name, f"{_stem(fact)}: {w.during}.", fact.unit, fact.type, w)
        for w in windows
    )


def _stem(fact: Fact) -> str:
    return fact.meaning.rstrip(".")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
