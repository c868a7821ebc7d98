"""Raw tables: one row per landed row that kept its contract, and the quarantine for those that did not.

A landing source carries its table's columns by name, without the four that ingest adds (`event_date`, `ingest_date`,
`source_file` and `_extra`). A column that may never be null must be there; any other may be absent. One that the
contract does not know is kept in `_extra`, by name, and goes no further.
"""

from pyspark.sql import types as T

from schemas.contract import EXCHANGE_RATE, LINE_MONEY, Between, Column, NotNull, OneOf, Table
from schemas.line_rules import LINE_TYPES

EXTRA = "_extra"
ADDED_BY_INGEST = ("event_date", "ingest_date", "source_file", EXTRA)
_REQUIRED = (NotNull(),)
# Far beyond any shop, and so small that no sum of a day's lines leaves its type.
_UNITS = Between(-(10**9), 10**9)
MONEY_LIMIT = 10**10
_MONEY = (Between(-MONEY_LIMIT, MONEY_LIMIT),)


def _raw_table(
    source: str,
    meaning: str,
    grain: str,
    *columns: Column,
    holds_customers: bool = True,
    linked_columns: tuple[str, ...] = (),
    checks: tuple[tuple[str, str], ...] = (),
) -> Table:
    common = (
        Column("event_id", T.StringType(), "The source's id of the row, else a hash of its content.", _REQUIRED),
        Column("event_at", T.TimestampType(), "When it happened (UTC).", _REQUIRED),
        Column("event_date", T.DateType(), "Business day of event_at.", _REQUIRED),
        Column("ingest_date", T.DateType(), "as_of_date of the run that brought the row.", _REQUIRED),
        Column("source_file", T.StringType(), "Landing file, from the landing folder.", _REQUIRED),
    )
    # Last in the contract: the columns of a lake made before it keep their places.
    extra = Column(EXTRA, T.MapType(T.StringType(), T.StringType()), "Landed columns that this contract does not know.")
    return Table(
        name=f"raw_{source}",
        meaning=meaning,
        grain=grain,
        key=("event_id",),
        columns=(*common, *columns, extra),
        slice_column="ingest_date",
        customer_columns=("customer_id",) if holds_customers else (),
        linked_columns=linked_columns,
        quoting_columns=(EXTRA,),
        checks=checks,
    )


RAW_EXCHANGE_RATES = _raw_table(
    "exchange_rates",
    "What other currencies are worth in the shop's own, day by day.",
    "one row per currency, day and version of its rate",
    Column("rate_date", T.DateType(), "Business day that the rate is of.", _REQUIRED),
    Column("currency", T.StringType(), "ISO 4217 code of the other currency.", _REQUIRED),
    Column(
        "exchange_rate",
        EXCHANGE_RATE,
        "What one unit of it is worth in the shop's currency.",
        (NotNull(), Between(1e-06, 10**6)),
        "shop currency per unit",
    ),
    holds_customers=False,
)

RAW_TRANSACTIONS = _raw_table(
    "transactions",
    "Order lines, returns and adjustments as the shop sent them.",
    "one row per transaction line",
    Column("order_id", T.StringType(), "Basket or invoice; a cancellation carries its own.", _REQUIRED),
    Column("line_number", T.IntegerType(), "Place of the line in its order."),
    Column("customer_id", T.StringType(), "Shop account; null for guests."),
    Column("product_id", T.StringType(), "Product.", _REQUIRED),
    Column(
        "quantity",
        T.LongType(),
        "Units, negative when they come back; null where the source does not count units.",
        (_UNITS,),
    ),
    Column("unit_price", LINE_MONEY, "Price of one unit.", _MONEY, "money"),
    Column(
        "line_amount",
        LINE_MONEY,
        "Money of the line after its discounts, negative for refunds.",
        _REQUIRED + _MONEY,
        "money",
    ),
    Column("discount_amount", LINE_MONEY, "Discounts already taken off line_amount.", _MONEY, "money"),
    Column("shipping_amount", LINE_MONEY, "Shipping charged for the line, not in line_amount.", _MONEY, "money"),
    Column("currency", T.StringType(), "ISO 4217 code; null means the shop's own."),
    Column(
        "line_type",
        T.StringType(),
        "What the line is.",
        (NotNull(), OneOf(LINE_TYPES)),
    ),
    Column("original_order_id", T.StringType(), "Order that a return or cancellation belongs to, when it is named."),
    Column("store_id", T.StringType(), "Shop or channel."),
    checks=(
        ("a sale must not have a negative line_amount", "(line_type <> 'sale' OR line_amount >= 0)"),
        (
            "a return or cancellation must not have a positive line_amount",
            "(line_type NOT IN ('return', 'cancellation') OR line_amount <= 0)",
        ),
    ),
)

RAW_CLICKSTREAM = _raw_table(
    "clickstream",
    "Page events of web and app.",
    "one row per event",
    Column("visitor_id", T.StringType(), "Browser or device.", _REQUIRED),
    Column("customer_id", T.StringType(), "Shop account, when the visitor was logged in."),
    Column(
        "event_type",
        T.StringType(),
        "What the visitor did.",
        (
            NotNull(),
            OneOf(
                ("view", "search", "add_to_cart", "remove_from_cart", "checkout", "purchase", "login", "other"),
            ),
        ),
    ),
    Column("product_id", T.StringType(), "Product seen."),
    Column("category", T.StringType(), "Category seen."),
    Column("order_id", T.StringType(), "Order that a purchase event belongs to."),
    Column("search_query", T.StringType(), "Words searched for."),
    Column("device_type", T.StringType(), "Kind of device."),
    Column("referrer", T.StringType(), "Where the visitor came from."),
    Column("user_agent", T.StringType(), "Agent string of the browser."),
    Column("device_id", T.StringType(), "Device that the browser or app runs on, where the source knows it."),
    Column("email", T.StringType(), "E-mail address that the visitor gave.", is_direct_identifier=True),
    linked_columns=("visitor_id", "order_id", "device_id"),
)

RAW_REVIEWS = _raw_table(
    "reviews",
    "Product and order reviews.",
    "one row per review and order",
    Column("customer_id", T.StringType(), "Who wrote it."),
    Column("order_id", T.StringType(), "Order reviewed."),
    Column("product_id", T.StringType(), "Product reviewed."),
    Column("rating", T.IntegerType(), "Stars.", (NotNull(), Between(1, 5)), "stars"),
    Column("title", T.StringType(), "Headline."),
    Column("review_text", T.StringType(), "Text."),
    linked_columns=("order_id",),
)

CONSENT_STATUSES = ("granted", "revoked")

RAW_CUSTOMERS = _raw_table(
    "customers",
    "Versions of what the shop knows of its customers, and their consents as they were given and taken back.",
    "one row per customer and change",
    Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
    Column("signup_date", T.DateType(), "Day the account was made."),
    Column("country", T.StringType(), "Country."),
    Column("region", T.StringType(), "State or region."),
    Column("age_band", T.StringType(), "Age band."),
    Column("income_band", T.StringType(), "Income band."),
    Column("household_size", T.StringType(), "Persons in the household."),
    Column("person_name", T.StringType(), "Name of the person.", is_direct_identifier=True),
    Column("email", T.StringType(), "E-mail address.", is_direct_identifier=True),
    Column("phone", T.StringType(), "Telephone number.", is_direct_identifier=True),
    Column("street_address", T.StringType(), "Street and number.", is_direct_identifier=True),
    Column("postcode", T.StringType(), "Postal code.", is_direct_identifier=True),
    Column(
        "has_marketing_consent",
        T.BooleanType(),
        "Whether marketing contact is allowed from event_at on: the purpose `marketing` in one column.",
    ),
    Column(
        "consent_purpose",
        T.StringType(),
        "What a consent is for, such as `marketing`, in lower case; event_at is when.",
    ),
    Column(
        "consent_status",
        T.StringType(),
        "Whether the consent was given or taken back.",
        (OneOf(CONSENT_STATUSES),),
    ),
    checks=(
        (
            "consent_purpose and consent_status must be given together",
            "((consent_purpose IS NULL) = (consent_status IS NULL))",
        ),
        # A purpose in look-alike letters would be another one, and a consent taken back under it be lost.
        (
            "consent_purpose must be of ASCII letters, digits and signs",
            "(consent_purpose IS NULL OR consent_purpose RLIKE '^[ -~]+$')",
        ),
    ),
)

RAW_PRODUCTS = _raw_table(
    "products",
    "Versions of the product catalogue.",
    "one row per product and change",
    Column("product_id", T.StringType(), "Product.", _REQUIRED),
    Column("product_name", T.StringType(), "Name."),
    Column("department", T.StringType(), "Department."),
    Column("category", T.StringType(), "Category."),
    Column("brand", T.StringType(), "Brand."),
    Column("list_price", LINE_MONEY, "List price.", _MONEY, "money"),
    holds_customers=False,
)

RAW_PAYMENTS = _raw_table(
    "payments",
    "Payments of orders.",
    "one row per payment",
    Column("order_id", T.StringType(), "Order paid.", _REQUIRED),
    Column("payment_sequence", T.IntegerType(), "Place of the payment in its order.", _REQUIRED),
    Column("payment_type", T.StringType(), "Means of payment."),
    Column("installments", T.IntegerType(), "Number of instalments."),
    Column("payment_amount", LINE_MONEY, "Money paid.", _REQUIRED + _MONEY, "money"),
    holds_customers=False,
    linked_columns=("order_id",),
)

RAW_CAMPAIGN_EVENTS = _raw_table(
    "campaign_events",
    "Contacts and coupon redemptions of past campaigns.",
    "one row per contact or redemption",
    Column("customer_id", T.StringType(), "Who was contacted or redeemed.", _REQUIRED),
    Column("campaign_id", T.StringType(), "Campaign.", _REQUIRED),
    Column("event_type", T.StringType(), "What happened.", (NotNull(), OneOf(("contact", "redemption")))),
    Column("offer_id", T.StringType(), "Coupon or offer."),
    Column("channel", T.StringType(), "Channel or kind of campaign."),
)

RAW_QUARANTINE = Table(
    name="raw_quarantine",
    meaning="Landed rows that broke their contract, with the reason and their original text.",
    grain="one row per refused landing row",
    key=("ingest_date", "source", "source_file", "source_line"),
    columns=(
        Column("ingest_date", T.DateType(), "as_of_date of the run that read the row.", _REQUIRED),
        Column("source", T.StringType(), "Landing source.", _REQUIRED),
        Column("source_file", T.StringType(), "Landing file, from the landing folder.", _REQUIRED),
        Column(
            "source_line",
            T.LongType(),
            "Number from 1 of the record (CSV: the header counts; JSON array, Parquet) or of the line (JSON lines); 0 is the whole file.",
            _REQUIRED,
        ),
        Column("reason", T.StringType(), "Rules broken.", _REQUIRED),
        Column("original_text", T.StringType(), "The row as it came; Parquet rows as JSON."),
    ),
    slice_column="ingest_date",
    quoting_columns=("reason", "original_text"),
)

# In the order in which a run ingests them: rates before the money that is converted by them.
SOURCES: dict[str, Table] = {
    "exchange_rates": RAW_EXCHANGE_RATES,
    "transactions": RAW_TRANSACTIONS,
    "clickstream": RAW_CLICKSTREAM,
    "reviews": RAW_REVIEWS,
    "customers": RAW_CUSTOMERS,
    "products": RAW_PRODUCTS,
    "payments": RAW_PAYMENTS,
    "campaign_events": RAW_CAMPAIGN_EVENTS,
}


def landing_columns(table: Table) -> tuple[Column, ...]:
    """The columns that a landing file of this raw table may carry."""
    return tuple(column for column in table.columns if column.name not in ADDED_BY_INGEST)
