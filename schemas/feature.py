"""Features, declared once: what a tile adds up, and what a snapshot makes of the tiles.

A *tile* is one customer, one business day and one run: the signed amounts that the run for `ingest_date` added to that
day. Every tile column is a plain sum of whole numbers or decimals, so tiles merge by addition in any order to the same
number, and can be taken away again; the state known at any date D is the sum of the tiles with `ingest_date` <= D. Nothing is ever rewritten: a return, or a row that comes late, adds a tile.

To add a feature: one line in `FEATURES` (and, for a new fact, one in `FACTS` and its expression in features/tiles.py).
"""

from dataclasses import dataclass

from pyspark.sql import types as T

from schemas.contract import LINE_MONEY, MONEY, Between, Column, NotNull, OneOf, Table

_REQUIRED = (NotNull(),)
LIFETIME = None
# Doubles would leave a rest of 1e-15 in a window whose tiles have all left it.
EXACT = T.DecimalType(20, 6)  # seconds to the microsecond, scores to the millionth
SQUARED_MONEY = T.DecimalType(38, 8)
HAS_ORDERED = "btyd_age IS NOT NULL"  # SQL over a snapshot's row: whom churn and CLV are told of


def _count(name: str, meaning: str, unit: str) -> Column:
    return Column(name, T.LongType(), meaning, _REQUIRED, unit)


def _money(name: str, meaning: str) -> Column:
    return Column(name, LINE_MONEY, meaning, _REQUIRED, "shop currency")


def _number(name: str, meaning: str, unit: str) -> Column:
    return Column(name, EXACT, meaning, _REQUIRED, unit)


FACTS: tuple[Column, ...] = (
    _count("order_count", "Orders; -1 when a run's returns undo a whole order.", "orders"),
    _count("sale_line_count", "Sale lines.", "lines"),
    _count("unit_count", "Units sold less units returned.", "units"),
    _money("sale_amount", "Money of sale lines."),
    _money("refund_amount", "Money given back, positive, on the day of the order it belongs to."),
    _money("net_amount", "Sales less refunds and adjustments."),
    _money("discount_amount", "Discounts taken off."),
    _money("shipping_amount", "Shipping charged."),
    _money("order_amount", "Net money of orders; refunds and adjustments that belong to no order are not in it."),
    Column(
        "order_amount_squared",
        SQUARED_MONEY,
        "Sum of squared net amounts of orders.",
        _REQUIRED,
        "shop currency squared",
    ),
    _count("session_count", "Sessions begun, without bots.", "sessions"),
    _count("click_count", "Click events.", "events"),
    _count("view_count", "Product views.", "events"),
    _count("search_count", "Searches.", "events"),
    _count("cart_count", "Additions to the cart.", "events"),
    _count("cart_removal_count", "Removals from the cart.", "events"),
    _count("click_purchase_count", "Purchases seen in the clickstream.", "events"),
    _count("mobile_session_count", "Sessions begun on a phone, on a tablet or in an app.", "sessions"),
    _count("bounce_count", "Sessions of one event; -1 when a later run adds a second.", "sessions"),
    _number("session_seconds", "Time spent in sessions.", "seconds"),
    _count("cart_session_count", "Sessions that put a product in the cart.", "sessions"),
    _count(
        "abandoned_session_count",
        "Sessions that put a product in the cart and bought nothing; -1 when a later run brings the purchase.",
        "sessions",
    ),
    _count("search_session_count", "Sessions with a search.", "sessions"),
    _count("purchase_session_count", "Sessions with a purchase.", "sessions"),
    _count("viewed_product_count", "Different products viewed, summed over sessions.", "products"),
    _count("night_session_count", "Sessions begun at night, by the shop's clocks.", "sessions"),
    _count("evening_session_count", "Sessions begun in the evening, by the shop's clocks.", "sessions"),
    _count("weekend_session_count", "Sessions begun on a Saturday or Sunday.", "sessions"),
    _count("search_arrival_count", "Sessions begun by way of a search engine.", "sessions"),
    _count("social_arrival_count", "Sessions begun by way of a social network.", "sessions"),
    _count("email_arrival_count", "Sessions begun by way of an e-mail.", "sessions"),
    _count("ad_arrival_count", "Sessions begun by way of a paid advertisement.", "sessions"),
    _count("review_count", "Reviews written.", "reviews"),
    _count("rating_sum", "Stars given.", "stars"),
    _count("low_rating_count", "Reviews of one or two stars.", "reviews"),
    _number("sentiment_sum", "Sum of sentiment scores.", "score"),
    _count("contact_count", "Campaign contacts received.", "contacts"),
    _count("redemption_count", "Offers redeemed.", "redemptions"),
)

FEATURE_CUSTOMER_DAY = Table(
    name="feature_customer_day",
    meaning="Tiles: what each run added to each customer's days. Summed over ingest_date <= D they are what was known at D.",
    grain="one row per customer, business day and run",
    key=("customer_id", "event_date", "ingest_date"),
    columns=(
        Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
        Column("event_date", T.DateType(), "Business day that the amounts belong to.", _REQUIRED),
        Column("ingest_date", T.DateType(), "Run that added them.", _REQUIRED),
        *FACTS,
    ),
    slice_column="ingest_date",
    cut_column="event_date",
    customer_columns=("customer_id",),
)

CLICK_FACTS = (  # what clicks alone tell
    "session_count",
    "click_count",
    "view_count",
    "search_count",
    "cart_count",
    "cart_removal_count",
    "click_purchase_count",
    "mobile_session_count",
    "bounce_count",
    "session_seconds",
    "cart_session_count",
    "abandoned_session_count",
    "search_session_count",
    "purchase_session_count",
    "viewed_product_count",
    "night_session_count",
    "evening_session_count",
    "weekend_session_count",
    "search_arrival_count",
    "social_arrival_count",
    "email_arrival_count",
    "ad_arrival_count",
)

FEATURE_VISITOR_DAY = Table(
    name="feature_visitor_day",
    meaning="Tiles of clicks that no customer is known of. Once clean_identity knows whose the visitor is, later "
    "snapshots count them for him.",
    grain="one row per visitor, business day and run",
    key=("visitor_id", "event_date", "ingest_date"),
    columns=(
        Column("visitor_id", T.StringType(), "Browser or device.", _REQUIRED),
        Column("event_date", T.DateType(), "Business day that the amounts belong to.", _REQUIRED),
        Column("ingest_date", T.DateType(), "Run that added them.", _REQUIRED),
        *(FEATURE_CUSTOMER_DAY[name] for name in CLICK_FACTS),
    ),
    slice_column="ingest_date",
    cut_column="event_date",
    linked_columns=("visitor_id",),
)


@dataclass(frozen=True)
class Feature:
    """One column of `feature_customer`.

    `kind` says how it comes from the facts of the days up to D (source of the terms: Fader, Hardie, Lee 2005 for BTYD):
    `sum` of `fact` over the last `window_days` days (None: all), `active_days` with a positive fact, `recency` and
    `tenure` in days since the last and first such day, `gap` mean days between such days, `ratio` of the features
    `fact` / `per` (null where `per` is 0), `mean`/`spread` of order amounts, and the BTYD triple.
    """

    name: str
    kind: str
    fact: str
    meaning: str
    unit: str
    window_days: int | None = LIFETIME
    per: str | None = None

    @property
    def column(self) -> Column:
        """The feature as a contract column."""
        never_null = self.kind in ("sum", "active_days")
        not_negative = self.kind in ("active_days", "recency", "tenure", "gap", "spread", "btyd")
        rules = (*_REQUIRED,) if never_null else ()
        return Column(self.name, self.type, self.meaning, (*rules, *((Between(0),) if not_negative else ())), self.unit)

    @property
    def type(self) -> T.DataType:
        """Sums stay exact, so that tomorrow's can be made of them; what is divided is double."""
        if self.kind in ("active_days", "recency", "tenure"):
            return T.LongType()
        if self.kind == "sum":
            return FEATURE_CUSTOMER_DAY[self.fact].type
        return T.DoubleType()


def _label(window_days: int | None) -> str:
    return "lifetime" if window_days is None else f"{window_days}d"


def _during(window_days: int | None) -> str:
    return "ever" if window_days is None else f"in the last {window_days} days"


def sums(fact: str, windows: tuple[int | None, ...], stem: str | None = None) -> list[Feature]:
    """One `sum` feature of a fact per window."""
    column = FEATURE_CUSTOMER_DAY[fact]
    name = stem or fact
    return [
        Feature(
            f"{name}_{_label(w)}", "sum", fact, f"{column.meaning.rstrip('.')}: {_during(w)}.", column.unit or "", w
        )
        for w in windows
    ]


def active_days(fact: str, stem: str, meaning: str, windows: tuple[int | None, ...]) -> list[Feature]:
    """One `active_days` feature of a fact per window."""
    return [Feature(f"{stem}_{_label(w)}", "active_days", fact, f"{meaning} {_during(w)}.", "days", w) for w in windows]


def ratio(name: str, over: str, per: str, meaning: str, unit: str = "share") -> Feature:
    """A ratio of two features; null where the second is zero."""
    return Feature(name, "ratio", over, meaning, unit, per=per)


def share_of_sessions(stem: str, fact: str, meaning: str) -> Feature:
    """The share of the last 90 days' sessions that a fact counts."""
    return ratio(
        f"{stem}_share_90d", f"{fact}_90d", "session_count_90d", f"Share of sessions that {meaning}, last 90 days."
    )


FEATURES: tuple[Feature, ...] = (
    # orders
    Feature("recency_days", "recency", "order_count", "Days since the last order.", "days"),
    Feature("customer_age_days", "tenure", "order_count", "Days since the first order.", "days"),
    *sums("order_count", (30, 90, 180, 365, LIFETIME)),
    *active_days("order_count", "order_days", "Days with an order", (90, 365, LIFETIME)),
    *sums("net_amount", (30, 90, 180, 365, LIFETIME), "net_revenue"),
    *sums("sale_line_count", (90, 365, LIFETIME)),
    *sums("unit_count", (90, LIFETIME)),
    *sums("refund_amount", (90, 365, LIFETIME)),
    *sums("discount_amount", (90, LIFETIME)),
    *sums("shipping_amount", (LIFETIME,)),
    *sums("sale_amount", (90, LIFETIME)),
    Feature("order_gap_days", "gap", "order_count", "Mean days between days with an order.", "days"),
    ratio(
        "mean_order_amount_90d",
        "net_revenue_90d",
        "order_count_90d",
        "Net revenue per order, last 90 days.",
        "shop currency",
    ),
    ratio(
        "mean_order_amount_lifetime",
        "net_revenue_lifetime",
        "order_count_lifetime",
        "Net revenue per order.",
        "shop currency",
    ),
    Feature(
        "order_amount_spread", "spread", "order_amount_squared", "Standard deviation of order amounts.", "shop currency"
    ),
    ratio("lines_per_order_lifetime", "sale_line_count_lifetime", "order_count_lifetime", "Lines per order.", "lines"),
    ratio("refund_share_lifetime", "refund_amount_lifetime", "sale_amount_lifetime", "Refunds per money sold."),
    ratio("discount_share_90d", "discount_amount_90d", "sale_amount_90d", "Discounts per money sold, last 90 days."),
    ratio("discount_share_lifetime", "discount_amount_lifetime", "sale_amount_lifetime", "Discounts per money sold."),
    ratio("order_trend_30d", "order_count_30d", "order_count_90d", "Last 30 days' share of the last 90 days' orders."),
    ratio("order_trend_90d", "order_count_90d", "order_count_365d", "Last 90 days' share of the last year's orders."),
    ratio("revenue_trend_90d", "net_revenue_90d", "net_revenue_365d", "Last 90 days' share of the year's net revenue."),
    ratio("overdue_ratio", "recency_days", "order_gap_days", "Days since the last order per usual gap.", "ratio"),
    # BTYD: the customer's history in days, repeat transactions counted once a day
    Feature("btyd_frequency", "btyd", "order_count", "x: days with an order after the first such day.", "days"),
    Feature("btyd_recency", "btyd", "order_count", "t_x: age at the last order.", "days"),
    Feature("btyd_age", "btyd", "order_count", "T: age at as_of_date.", "days"),
    Feature("mean_repeat_amount", "mean", "net_amount", "Mean net revenue of the repeat days.", "shop currency"),
    # clicks
    Feature("click_recency_days", "recency", "click_count", "Days since the last click.", "days"),
    *sums("session_count", (7, 30, 90, LIFETIME)),
    *active_days("session_count", "session_days", "Days with a session", (30, 90)),
    *sums("click_count", (30, 90)),
    *sums("view_count", (7, 30, 90)),
    *sums("search_count", (30, 90)),
    *sums("cart_count", (7, 30, 90)),
    *sums("cart_removal_count", (90,)),
    *sums("click_purchase_count", (90,)),
    *sums("mobile_session_count", (90,)),
    *sums("bounce_count", (90,)),
    *sums("session_seconds", (30, 90)),
    ratio("bounce_rate_90d", "bounce_count_90d", "session_count_90d", "Sessions of one event, last 90 days."),
    ratio(
        "clicks_per_session_90d", "click_count_90d", "session_count_90d", "Depth of a session, last 90 days.", "events"
    ),
    ratio(
        "seconds_per_session_90d",
        "session_seconds_90d",
        "session_count_90d",
        "Time per session, last 90 days.",
        "seconds",
    ),
    ratio("cart_rate_90d", "cart_count_90d", "session_count_90d", "Cart additions per session, last 90 days.", "ratio"),
    ratio(
        "conversion_90d",
        "click_purchase_count_90d",
        "session_count_90d",
        "Purchases per session, last 90 days.",
        "ratio",
    ),
    ratio("session_trend_30d", "session_count_30d", "session_count_90d", "Last 30 days' share of 90 days' sessions."),
    ratio(
        "mobile_share_90d",
        "mobile_session_count_90d",
        "session_count_90d",
        "Sessions on a phone, on a tablet or in an app, last 90 days.",
    ),
    # sessions
    *sums("cart_session_count", (30, 90)),
    *sums("abandoned_session_count", (30, 90)),
    *sums("search_session_count", (90,)),
    *sums("purchase_session_count", (90,)),
    *sums("viewed_product_count", (90,)),
    *sums("night_session_count", (90,)),
    *sums("evening_session_count", (90,)),
    *sums("weekend_session_count", (90,)),
    *sums("search_arrival_count", (90,)),
    *sums("social_arrival_count", (90,)),
    *sums("email_arrival_count", (90,)),
    *sums("ad_arrival_count", (90,)),
    share_of_sessions("cart_session", "cart_session_count", "put a product in the cart"),
    share_of_sessions("search_session", "search_session_count", "had a search"),
    share_of_sessions("purchase_session", "purchase_session_count", "had a purchase"),
    share_of_sessions("night", "night_session_count", "began at night"),
    share_of_sessions("evening", "evening_session_count", "began in the evening"),
    share_of_sessions("weekend", "weekend_session_count", "began on a Saturday or Sunday"),
    share_of_sessions("search_arrival", "search_arrival_count", "came by way of a search engine"),
    share_of_sessions("social_arrival", "social_arrival_count", "came by way of a social network"),
    share_of_sessions("email_arrival", "email_arrival_count", "came by way of an e-mail"),
    share_of_sessions("ad_arrival", "ad_arrival_count", "came by way of a paid advertisement"),
    ratio("abandonment_30d", "abandoned_session_count_30d", "cart_session_count_30d", "Carts left, last 30 days."),
    ratio("abandonment_90d", "abandoned_session_count_90d", "cart_session_count_90d", "Carts left, last 90 days."),
    ratio(
        "products_per_session_90d",
        "viewed_product_count_90d",
        "session_count_90d",
        "Different products viewed per session, last 90 days.",
        "products",
    ),
    ratio("cart_removal_rate_90d", "cart_removal_count_90d", "cart_count_90d", "Removals per addition, last 90 days."),
    ratio("clicks_per_session_30d", "click_count_30d", "session_count_30d", "Depth, last 30 days.", "events"),
    ratio("seconds_per_session_30d", "session_seconds_30d", "session_count_30d", "Time, last 30 days.", "seconds"),
    # reviews
    Feature("review_recency_days", "recency", "review_count", "Days since the last review.", "days"),
    *sums("review_count", (90, 365, LIFETIME)),
    *sums("low_rating_count", (90, LIFETIME)),
    *sums("rating_sum", (LIFETIME,)),
    *sums("sentiment_sum", (365, LIFETIME)),
    ratio("mean_rating_lifetime", "rating_sum_lifetime", "review_count_lifetime", "Mean stars given.", "stars"),
    ratio("mean_sentiment_365d", "sentiment_sum_365d", "review_count_365d", "Mean sentiment, last year.", "score"),
    ratio("mean_sentiment_lifetime", "sentiment_sum_lifetime", "review_count_lifetime", "Mean sentiment.", "score"),
    # campaigns
    Feature("contact_recency_days", "recency", "contact_count", "Days since the last campaign contact.", "days"),
    *sums("contact_count", (30, 90, LIFETIME)),
    *sums("redemption_count", (90, LIFETIME)),
    ratio(
        "redemption_rate_lifetime",
        "redemption_count_lifetime",
        "contact_count_lifetime",
        "Redemptions per contact.",
        "ratio",
    ),
)

DAY_BITS, DAY_WORDS = 62, 7  # a bit a day, in words that come round after 434 days: a year and the word at hand
BIT_FACTS = ("order_count", "session_count")  # whose days with any are kept as bits


def day_words(fact: str) -> list[str]:
    """Columns that hold the days of a fact."""
    return [f"state_{fact.removesuffix('_count')}_days_{word}" for word in range(DAY_WORDS)]


STATE: tuple[Column, ...] = (
    Column(
        "state_order_amount",
        LINE_MONEY,
        "Net money of orders; null once an erasure took tiles from under it.",
        unit="shop currency",
    ),
    Column(
        "state_order_amount_squared", SQUARED_MONEY, "Sum of squared net amounts.", _REQUIRED, "shop currency squared"
    ),
    Column("state_order_days_revenue", LINE_MONEY, "Net revenue of the days with an order.", unit="shop currency"),
    Column("state_first_order_revenue", LINE_MONEY, "Net revenue of the first such day.", unit="shop currency"),
    *(
        Column(name, T.LongType(), f"Days with any {fact}, a bit each; no feature.", _REQUIRED)
        for fact in BIT_FACTS
        for name in day_words(fact)
    ),
)
"""What the next date's snapshot is made from beside the features; no features themselves."""

FEATURE_CUSTOMER = Table(
    name="feature_customer",
    meaning="Snapshots: every customer as known at one date. A published snapshot is never rewritten.",
    grain="one row per customer and as_of_date",
    key=("as_of_date", "customer_id"),
    columns=(
        Column("as_of_date", T.DateType(), "Last full day known.", _REQUIRED),
        Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
        Column(
            "snapshot_version", T.IntegerType(), "1; higher after an explicit restatement.", (NotNull(), Between(1))
        ),
        *(feature.column for feature in FEATURES),
        *STATE,
    ),
    slice_column="as_of_date",
    customer_columns=("customer_id",),
)

FEATURE_PRODUCT = Table(
    name="feature_product",
    meaning="Products as known at one date.",
    grain="one row per product sold or seen in the last 90 days and as_of_date",
    key=("as_of_date", "product_id"),
    columns=(
        Column("as_of_date", T.DateType(), "Last full day known.", _REQUIRED),
        Column("product_id", T.StringType(), "Product.", _REQUIRED),
        Column("product_name", T.StringType(), "Latest name known."),
        Column("department", T.StringType(), "Latest department known."),
        Column("category", T.StringType(), "Latest category known."),
        Column(
            "buyer_count_90d",
            T.LongType(),
            "Customers who bought it, last 90 days.",
            (NotNull(), Between(0)),
            "customers",
        ),
        Column("sale_line_count_90d", T.LongType(), "Sale lines, last 90 days.", (NotNull(), Between(0)), "lines"),
        Column("net_revenue_90d", MONEY, "Net revenue, last 90 days.", _REQUIRED, "shop currency"),
        Column("refund_share_90d", T.DoubleType(), "Refunds per money sold, last 90 days.", unit="share"),
        Column("view_count_90d", T.LongType(), "Views, last 90 days.", (NotNull(), Between(0)), "events"),
        Column("review_count_lifetime", T.LongType(), "Reviews ever.", (NotNull(), Between(0)), "reviews"),
        Column("mean_rating_lifetime", T.DoubleType(), "Mean stars ever.", (Between(1, 5),), "stars"),
        Column(
            "revenue_rank",
            T.LongType(),
            "Place by net revenue, last 90 days; ties by product_id.",
            (NotNull(), Between(1)),
        ),
    ),
    slice_column="as_of_date",
)

FEATURE_PATTERN = Table(
    name="feature_pattern",
    meaning="Frequent sequences in each customer's last 90 days: of event types within a session, of gaps between orders; and the patterns of sessions that tell buying from browsing.",
    grain="one row per customer, pattern and as_of_date",
    key=("as_of_date", "customer_id", "pattern_kind", "pattern"),
    columns=(
        Column("as_of_date", T.DateType(), "Last full day known.", _REQUIRED),
        Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
        Column(
            "pattern_kind",
            T.StringType(),
            "What the sequence is of; the last three are of the model `session_patterns`, by the side it is typical of.",
            (NotNull(), OneOf(("session", "order_rhythm", "session_buying", "session_browsing", "session_shared"))),
        ),
        Column("pattern", T.StringType(), "Steps in order, joined by ` > `.", _REQUIRED),
        Column(
            "occurrence_count",
            T.LongType(),
            "Times the customer showed it; of a pattern of the model, sessions that did.",
            (NotNull(), Between(1)),
            "times",
        ),
        Column(
            "customer_share",
            T.DoubleType(),
            "Share of customers with any pattern of this kind who showed it.",
            (NotNull(), Between(0, 1)),
            "share",
        ),
        Column(
            "buying_share",
            T.DoubleType(),
            "Share of all sessions with a purchase, guests' too, that showed it before the checkout; of patterns of the model.",
            (Between(0, 1),),
            "share",
        ),
        Column(
            "browsing_share",
            T.DoubleType(),
            "The same of sessions without a purchase.",
            (Between(0, 1),),
            "share",
        ),
        Column("model_version", T.StringType(), "Model that the pattern is of."),
    ),
    slice_column="as_of_date",
    customer_columns=("customer_id",),
)
