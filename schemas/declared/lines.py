"""What a declared line may be: each function makes the facts and features of one, a feature a window."""

from collections.abc import Sequence
from dataclasses import replace

from pyspark.sql import types as T

from schemas.contract import LINE_MONEY
from schemas.declaration import COUNT, LIFETIME, SQUARED_MONEY, Declared, Fact, Feature, Source, Window


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
    return Declared((fact,), _sums(fact, feature or name, windows))


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
    has_spread: bool = False,
) -> Declared:
    """Mean of `value` over the rows that have one; with `has_spread` its standard deviation too."""
    known = f"CASE WHEN {value} IS NULL THEN 0 ELSE 1 END"
    facts = [
        Fact(f"{name}_sum", source, value, type, f"Sum: {_lower(meaning)}.", unit),
        Fact(f"{name}_number", source, known, COUNT, f"Rows with a value: {_lower(meaning)}.", "rows"),
    ]
    if has_spread:
        square = SQUARED_MONEY if type == LINE_MONEY else type
        facts.append(
            Fact(f"{name}_squares", source, f"({value}) * ({value})", square, f"Sum of squares: {_lower(meaning)}.", f"{unit} squared")
        )  # fmt: skip
    features, kept = [], []
    for window in windows:
        parts = [_sums(fact, f"state_{fact.name}", (window,))[0] for fact in facts]
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
        if has_spread:
            told = f"Standard deviation: {_lower(meaning)}, {window.during}."
            whole, number, squares = (part.name for part in parts)
            features.append(_spread(f"{name}_spread_{window.label}", number, whole, squares, told, unit, window))
    return Declared(tuple(facts), tuple(features), tuple(kept))


def active_days(fact: str, name: str, meaning: str, windows: Sequence[Window]) -> Declared:
    """Days with a positive fact."""
    return Declared((), _windowed("active_days", fact, name, meaning, "days", COUNT, windows))


def since(kind: str, name: str, fact: str, meaning: str) -> Declared:
    """Days since the last (`recency`) or first (`tenure`) day with a positive fact; null where there was none."""
    return Declared((), (Feature(name, kind, fact, meaning, "days", COUNT),))


def ratio(name: str, over: str, per: str, meaning: str, unit: str = "share") -> Declared:
    """A ratio of two features; null where the second is zero."""
    return Declared((), (Feature(name, "ratio", over, meaning, unit, T.DoubleType(), per=per),))


def difference(name: str, over: str, less: str, meaning: str, unit: str) -> Declared:
    """One feature less another."""
    return Declared((), (Feature(name, "difference", over, meaning, unit, T.DoubleType(), per=less),))


def spread(name: str, number: str, total: str, squares: str, meaning: str, unit: str) -> Declared:
    """Standard deviation, from a number, a sum and a sum of squares; null where the number is 0."""
    return Declared((), (_spread(name, number, total, squares, meaning, unit, LIFETIME),))


def derived(kind: str, name: str, fact: str, meaning: str, unit: str = "days") -> Declared:
    """A feature of another kind than a line above makes."""
    return Declared((), (Feature(name, kind, fact, meaning, unit, T.DoubleType()),))


def distinct(name: str, fact: str, meaning: str, windows: Sequence[Window]) -> Declared:
    """Products with a positive fact of the product tiles, counted exactly."""
    return Declared((), _windowed("distinct", fact, name, meaning, "products", COUNT, windows))


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
    [feature] = _windowed("quantile", "sale_amount", name, meaning, "shop currency", T.DoubleType(), (window,))
    return Declared((), (replace(feature, quantile=at),))


def _spread(name: str, number: str, total: str, squares: str, meaning: str, unit: str, window: Window) -> Feature:
    return Feature(name, "spread", total, meaning, unit, T.DoubleType(), window, number, squares)


def _sums(fact: Fact, name: str, windows: Sequence[Window]) -> tuple[Feature, ...]:
    return _windowed("sum", fact.name, name, f"{_stem(fact)}:", fact.unit, fact.type, windows)


def _windowed(
    kind: str, fact: str, name: str, meaning: str, unit: str, type: T.DataType, windows: Sequence[Window]
) -> tuple[Feature, ...]:
    """One feature a window."""
    return tuple(Feature(f"{name}_{w.label}", kind, fact, f"{meaning} {w.during}.", unit, type, w) for w in windows)


def _stem(fact: Fact) -> str:
    return fact.meaning.rstrip(".")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
