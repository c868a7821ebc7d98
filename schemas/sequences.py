"""Inputs of sequence models: a customer's weeks as sums, and the newest events one by one."""

from pyspark.sql import types as T

from schemas.clean import EVENT_AT, EVENT_DATE
from schemas.contract import LINE_MONEY, Between, Column, NotNull, OneOf, Table
from schemas.feature import FEATURE_CUSTOMER_DAY

_REQUIRED = (NotNull(),)
_COUNTED = (NotNull(), Between(0))
_AS_OF = Column("as_of_date", T.DateType(), "Last full day known.", _REQUIRED)
_CUSTOMER = Column("customer_id", T.StringType(), "Shop account that the person is known by.", _REQUIRED)

WEEK_FACTS = (  # of a tile; sums over weeks add up to those of the tiles
    "order_count",
    "unit_count",
    "net_amount",
    "refund_amount",
    "discount_amount",
    "session_count",
    "click_count",
    "view_count",
    "search_count",
    "cart_count",
    "review_count",
    "contact_count",
    "redemption_count",
)

FEATURE_CUSTOMER_WEEK = Table(
    name="feature_customer_week",
    meaning="Customers by week, counted back from as_of_date, as known then. A week in which every fact is 0 has no row.",
    grain="one row per as_of_date, customer and week with anything in it",
    key=("as_of_date", "customer_id", "week_number"),
    columns=(
        _AS_OF,
        _CUSTOMER,
        Column(
            "week_number",
            T.LongType(),
            "Weeks before the one at hand; week 0 is the seven days that end with as_of_date.",
            _COUNTED,
            "weeks",
        ),
        Column(
            "first_week_number",
            T.LongType(),
            "Week of the first day that anything is known of, however long ago. A week without a row is one of zeros up "
            "to it, and one before the customer was there beyond it.",
            _COUNTED,
            "weeks",
        ),
        *(FEATURE_CUSTOMER_DAY[name] for name in WEEK_FACTS),
    ),
    slice_column="as_of_date",
    customer_columns=("customer_id",),
    checks=(("week_number must not be before first_week_number", "week_number <= first_week_number"),),
)

EVENT_TYPES = (
    "order",
    "return",
    "view",
    "search",
    "add_to_cart",
    "remove_from_cart",
    "checkout",
    "purchase",
    "login",
    "other",
    "review",
    "contact",
    "redemption",
)

FEATURE_EVENT_SEQUENCE = Table(
    name="feature_event_sequence",
    meaning="The newest events of each customer up to as_of_date, as known then, in order. No bots, no guests.",
    grain="one row per as_of_date, customer and event",
    key=("as_of_date", "customer_id", "event_rank"),
    columns=(
        _AS_OF,
        _CUSTOMER,
        Column(
            "event_rank",
            T.LongType(),
            "1: the newest event, so that the newest n are those with event_rank <= n, whatever the setting. Of one moment, "
            "by type and id. An erasure of one of a person's accounts leaves gaps.",
            (NotNull(), Between(1)),
        ),
        Column(
            "event_type",
            T.StringType(),
            "What happened. Of clicks the visitor's; `purchase` only where its order is not known.",
            (NotNull(), OneOf(EVENT_TYPES)),
        ),
        EVENT_AT,
        EVENT_DATE,
        Column(
            "gap_seconds",
            T.LongType(),
            "Since the customer's previous event, also one that is too old to be here; null for the first of all.",
            (Between(0),),
            "seconds",
        ),
        Column(
            "amount",
            LINE_MONEY,
            "Of an order its net amount, less what came back by as_of_date; of a return what it gave back, negative, which "
            "its order lacks already. Null for others.",
            unit="shop currency",
        ),
        Column(
            "category",
            T.StringType(),
            "As the catalogue had it at as_of_date: of the product; of an order or return the category with most money, "
            "ties by name. Of a click without a product that of the page.",
        ),
        Column("account_id", T.StringType(), "Account that it was done with; null: clicks without a log-in."),
        Column("visitor_id", T.StringType(), "Browser or device of a click."),
    ),
    slice_column="as_of_date",
    customer_columns=("customer_id", "account_id"),
    linked_columns=("visitor_id",),
)
