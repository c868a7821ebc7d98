"""Tables of features: tiles, snapshots, products and patterns. Their columns follow from what is declared.

A *tile* is one customer, one business day and one run: what the run for `ingest_date` added to that day. The state known
at any date D comes from the tiles with `ingest_date` <= D. Nothing is ever rewritten: a return, or a row that comes late,
adds a tile. Features are declared in `schemas/declared`, one line each.
"""

from hashlib import sha256

from pyspark.sql import types as T

from schemas.contract import LINE_MONEY, MONEY, Between, Column, NotNull, OneOf, Table
from schemas.declared import FACTS, FEATURES, PARTS, PRODUCT_FACTS

_REQUIRED = (NotNull(),)
HAS_ORDERED = "btyd_age IS NOT NULL"  # SQL over a snapshot's row: whom churn and CLV are told of
NUMBERS = tuple(feature.name for feature in FEATURES if feature.is_number)  # what models read

FEATURE_CUSTOMER_DAY = Table(
    name="feature_customer_day",
    meaning="Tiles: what each run added to each customer's days. Summed over ingest_date <= D they are what was known at D.",
    grain="one row per customer, business day and run",
    key=("customer_id", "event_date", "ingest_date"),
    columns=(
        Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
        Column("event_date", T.DateType(), "Business day that the amounts belong to.", _REQUIRED),
        Column("ingest_date", T.DateType(), "Run that added them.", _REQUIRED),
        *(fact.column for fact in FACTS),
    ),
    slice_column="ingest_date",
    cut_column="event_date",
    customer_columns=("customer_id",),
)

CLICK_FACTS = tuple(fact.name for fact in FACTS if fact.source.is_of_visitors)  # what clicks alone tell

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


FEATURE_CUSTOMER_PRODUCT_DAY = Table(
    name="feature_customer_product_day",
    meaning="Product tiles: what each run added to each customer's days with a product. Returns take nothing away here.",
    grain="one row per customer, product, business day and run",
    key=("customer_id", "product_id", "event_date", "ingest_date"),
    columns=(
        Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
        Column("product_id", T.StringType(), "Product.", _REQUIRED),
        Column("event_date", T.DateType(), "Business day that it happened on.", _REQUIRED),
        Column("ingest_date", T.DateType(), "Run that added it.", _REQUIRED),
        *(fact.column for fact in PRODUCT_FACTS),
    ),
    slice_column="ingest_date",
    cut_column="event_date",
    customer_columns=("customer_id",),
)

DAY_BITS, DAY_WORDS = 62, 7  # a bit a day, in words that come round after 434 days: a year and the word at hand
BIT_FACTS = ("order_count", "session_count")  # whose days with any are kept as bits


def day_words(fact: str) -> list[str]:
    """Columns that hold the days of a fact."""
    return [f"state_{fact.removesuffix('_count')}_days_{word}" for word in range(DAY_WORDS)]


DECLARATION = sha256(repr((FACTS, FEATURES, PARTS)).encode()).hexdigest()
STATE: tuple[Column, ...] = (
    *(Column(part.name, part.type, part.meaning, unit=part.unit) for part in PARTS),
    Column("state_order_days_revenue", LINE_MONEY, "Net revenue of the days with an order.", unit="shop currency"),
    Column("state_first_order_revenue", LINE_MONEY, "Net revenue of the first such day.", unit="shop currency"),
    *(
        Column(name, T.LongType(), f"Days with any {fact}, a bit each; no feature.", _REQUIRED)
        for fact in BIT_FACTS
        for name in day_words(fact)
    ),
    Column(
        "state_declaration",
        T.StringType(),
        "Fingerprint of what was declared when the row was made. The next date is made from rows of today's alone; an "
        "erasure, which takes tiles from under them, writes `(erased)`.",
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
