"""How the report says numbers: filters of its template, sentences, and the charts with their descriptions."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from jobs import charts

if TYPE_CHECKING:
    from jobs.charts import Chart
    from jobs.settings import Settings

THIN = "\u202f"  # narrow no-break space: a number and its unit stay together
# What each segment means to a marketer; the scores that make it come from the model itself.
MATCH_WORDS = {
    "named": "named by the source",
    "latest_line": "the customer's latest line of the product",
    "unmatched": "of no order known",
}
SEGMENT_WORDS: dict[str | None, str] = {
    "champions": "Ordered lately, and more often than most.",
    "loyal": "Order often, and the last order is not long ago.",
    "potential_loyalist": "Ordered lately, a few times so far.",
    "new": "Ordered lately, hardly ever before.",
    "promising": "Ordered not long ago, hardly ever before.",
    "needs_attention": "Middling in both: could go either way.",
    "about_to_sleep": "Few orders, the last one a while ago.",
    "at_risk": "Used to order fairly often, not lately.",
    "cannot_lose": "Among the most frequent, but gone quiet.",
    "hibernating": "Few orders, the last one long ago.",
    "lost": "Few orders, the last one longest ago.",
    "no_orders": "Known to the shop, no order yet.",
    None: "Have ordered, but no RFM model scored them.",
}


def filters(settings: "Settings") -> dict[str, Callable[..., str]]:
    """Filters of the template."""
    return {
        "number": number,
        "money": lambda value: money(value, settings.currency),
        "share": share,
        "size": size,
        "measure": measure,
        "words": words,
        "verdict": lambda row: verdict(settings, row),
    }


def words(segment: str | None) -> str:
    """A segment's name in words."""
    return "no segment" if segment is None else segment.replace("_", " ")


def number(value: int | Decimal | float | None, places: int = 0) -> str:
    """1234567 as 1,234,567; nothing known as a dash."""
    return "–" if value is None else f"{value:,.{places}f}".replace("-", "−")


def money(value: Decimal | float | None, currency: str) -> str:
    """Whole units from 10,000 on, cents below."""
    if value is None:
        return "–"
    return f"{number(value, 2 if -10_000 < value < 10_000 else 0)}{THIN}{currency}"


def share(value: Decimal | float | None, places: int = 1) -> str:
    """0.123 as 12.3%."""
    return "–" if value is None else f"{number(100 * value, places)}%"


def size(value: int) -> str:
    """Bytes in the unit that reads best."""
    for unit, factor in (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)):
        if value >= factor:
            return f"{value / factor:,.1f}{THIN}{unit}"
    return f"{value}{THIN}B"


def measure(value: float | None) -> str:
    """A metric: three places, or one where it is large."""
    return number(value, 3 if value is None or abs(value) < 10 else 1)


def periods(daily: list[dict[str, Any]], days: int) -> dict[str, Any]:
    """Orders and net revenue of the last days and of as many before; None where the history is shorter."""

    def total(rows: list[dict[str, Any]], name: str) -> Any:
        return sum(row[name] for row in rows) if len(rows) == days else None

    made: dict[str, Any] = {}
    for name in ("order_count", "net_amount"):
        now, before = total(daily[-days:], name), total(daily[-2 * days : -days], name)
        change = Decimal(now) / Decimal(before) - 1 if now is not None and before else None
        made[name] = {"day": daily[-1][name], "now": now, "before": before, "change": change}
    return made


def segment_scores() -> dict[str, str]:
    """The recency and frequency scores that make each segment, from the model's own grid."""
    from models.rfm import SEGMENT_BY_CELL

    def span(values: list[int]) -> str:
        low, high = min(values), max(values)
        return str(low) if low == high else f"{low}–{high}"

    made = {}
    for name in set(SEGMENT_BY_CELL.values()):
        cells = [cell for cell, segment in SEGMENT_BY_CELL.items() if segment == name]
        made[name] = f"R{span([r for r, _ in cells])}, F{span([f for _, f in cells])}"
    return made


def verdict(settings: "Settings", row: dict[str, Any]) -> str:
    """What a plan's result says; nothing before its window is over, nor where nobody was contacted."""
    low, high = row["uplift_low"], row["uplift_high"]
    if settings.is_simulated or settings.is_historic:
        return "No verdict: nobody was contacted."
    if not row["is_final"]:
        return f"No verdict yet: day {row['observed_days']} of {settings.campaign_window_days}."
    if low is None:
        return "No verdict: too few customers in an arm."
    if low <= 0 <= high:
        return "No verdict: the interval includes 0."
    return f"The interval excludes 0: those contacted brought {'more' if low > 0 else 'less'}."


def draw_charts(settings: "Settings", facts: dict[str, Any]) -> dict[str, "Chart | None"]:
    """The charts that the shop's data allow, each with a sentence for those who can't see it."""
    return {
        "daily": _daily(settings, facts["daily"]),
        "segments": _segments(settings, facts["segments"], facts["sums"]),
        "churn": _churn(facts["churn_bins"], facts["sums"]),
        "clv": _clv(facts["deciles"]),
    }


def _daily(settings: "Settings", daily: list[dict[str, Any]]) -> "Chart | None":
    if len(daily) < 2:
        return None
    days, orders = [row["event_date"] for row in daily], [row["order_count"] for row in daily]
    amounts = [float(row["net_amount"]) for row in daily] if settings.has_prices else None
    said = (
        f"Lines of {len(days)} days to {days[-1]}: orders between {number(min(orders))} and {number(max(orders))} a day"
    )
    if amounts:
        low, high = (money(value, settings.currency) for value in (min(amounts), max(amounts)))
        said += f", net revenue between {low} and {high} a day"
    return charts.daily(days, amounts, orders, f"{said}.", settings.currency)


def _segments(settings: "Settings", segments: list[dict[str, Any]], sums: dict[str, Any]) -> "Chart":
    counts = [row["customer_count"] / sums["customer_count"] for row in segments]
    revenue = float(sums["net_revenue_365d"] or 0)
    amounts = (
        [float(row["net_revenue_365d"]) / revenue for row in segments] if settings.has_prices and revenue else None
    )
    largest = max(segments, key=lambda row: row["customer_count"])
    share_of = share(largest["customer_count"] / sums["customer_count"])
    said = f"Bars of {len(segments)} segments; the largest is {words(largest['segment'])} with {share_of} of customers."
    return charts.pairs([words(row["segment"]) for row in segments], counts, amounts, said)


def _churn(bins: dict[int, int], sums: dict[str, Any]) -> "Chart | None":
    from features.report import CHURN_BINS

    if not bins:
        return None
    edges = [place / CHURN_BINS for place in range(CHURN_BINS + 1)]
    counts = [bins.get(place, 0) for place in range(CHURN_BINS)]
    likely = share(sum(counts[CHURN_BINS // 2 :]) / sum(counts))
    said = f"Histogram of the churn probability of {number(sum(counts))} customers; {likely} of them are above 50%."
    horizon = sums["churn_horizon_days"]
    return charts.columns(
        "churn", edges, counts, said, x=f"P(no order in the next {horizon} days)", y="Customers", x_percent=True
    )


def _clv(deciles: list[dict[str, Any]]) -> "Chart | None":
    total = float(sum(row["amount"] for row in deciles))
    if not total:
        return None
    shares = [float(row["amount"]) / total for row in deciles]
    said = f"Bars of tenths of customers by expected net revenue; the first tenth holds {share(shares[0])} of it."
    places = [row["decile"] for row in deciles]
    x, y = "Tenth of customers, worth most first", "Share of expected net revenue"
    return charts.columns("clv", places, shares, said, x=x, y=y, y_percent=True)
