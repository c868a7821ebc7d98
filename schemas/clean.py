"""Clean tables: sessions, orders net of returns, reviews with a sentiment, and current knowledge of people and products.

Rows carry the `ingest_date` of the run that brought them and are never rewritten by a later run, so that the state
known at any earlier date can be read again. `clean_orders` and `clean_sessions` alone show the present state.
"""

from pyspark.sql import types as T

from schemas.contract import EXCHANGE_RATE, LINE_MONEY, MONEY, Between, Column, NotNull, OneOf, Table
from schemas.line_rules import LINE_KINDS, LINE_TYPES
from schemas.review_aspects import ASPECTS
from schemas.session_starts import REFERRER_KINDS, TIMES_OF_DAY

_REQUIRED = (NotNull(),)
_COUNT = (NotNull(), Between(0))

EVENT_AT = Column("event_at", T.TimestampType(), "When it happened (UTC).", _REQUIRED)
EVENT_DATE = Column("event_date", T.DateType(), "Business day of event_at.", _REQUIRED)
INGEST_DATE = Column("ingest_date", T.DateType(), "as_of_date of the run that brought the row.", _REQUIRED)
CUSTOMER_ID = Column("customer_id", T.StringType(), "Shop account; null for guests.")

_ASPECT_MEANINGS = dict(zip(ASPECTS, ("size or fit", "quality", "delivery", "price", "service"), strict=True))

_HOURS = ", ".join(f"{name} from {hour} o'clock" for name, hour in TIMES_OF_DAY.items())

MATCH_KINDS = ("named", "latest_line", "unmatched")

CLEAN_ORDER_LINES = Table(
    name="clean_order_lines",
    meaning="Transaction lines, each booked to the order that it belongs to; the sum of net_amount is net revenue.",
    grain="one row per transaction line",
    key=("line_id",),
    columns=(
        Column("line_id", T.StringType(), "event_id of the raw line.", _REQUIRED),
        Column("order_id", T.StringType(), "Order that the line is booked to.", _REQUIRED),
        Column("source_order_id", T.StringType(), "Order or invoice that the source wrote on the line.", _REQUIRED),
        CUSTOMER_ID,
        Column("product_id", T.StringType(), "Product.", _REQUIRED),
        EVENT_AT,
        EVENT_DATE,
        INGEST_DATE,
        Column("order_date", T.DateType(), "Business day of the order that the line is booked to.", _REQUIRED),
        Column(
            "line_type",
            T.StringType(),
            "What the line is.",
            (NotNull(), OneOf(LINE_TYPES)),
        ),
        Column(
            "match_kind",
            T.StringType(),
            "How a return or cancellation found its order: named by the source, latest fitting line of the customer "
            "and product, or not at all. Null for sales and adjustments.",
            (OneOf(MATCH_KINDS),),
        ),
        Column("quantity", T.LongType(), "Units, negative when they come back.", unit="units"),
        Column("currency", T.StringType(), "ISO 4217 code of line_amount.", _REQUIRED),
        Column(
            "exchange_rate",
            EXCHANGE_RATE,
            "Rate of order_date by which the line's money was converted, as known when the order first came; 1 for the "
            "shop's own currency. A rate that is corrected later changes no line.",
            _REQUIRED,
            "shop currency per unit",
        ),
        Column(
            "line_amount",
            LINE_MONEY,
            "Money of the line as the source wrote it, negative for refunds.",
            _REQUIRED,
            "currency of the line",
        ),
        Column(
            "line_kind",
            T.StringType(),
            "By the shop's line_rules: goods, postage, or what is no revenue (fees, bad debt, vouchers).",
            (NotNull(), OneOf(LINE_KINDS)),
        ),
        Column(
            "net_amount",
            LINE_MONEY,
            "Net revenue: of merchandise line_amount times exchange_rate, rounded half up at four decimals; else 0.",
            _REQUIRED,
            "shop currency",
        ),
        Column("discount_amount", LINE_MONEY, "Discounts already taken off.", _REQUIRED, "shop currency"),
        Column("shipping_amount", LINE_MONEY, "Shipping, not in net_amount.", _REQUIRED, "shop currency"),
    ),
    slice_column="ingest_date",
    customer_columns=("customer_id",),
    checks=(("a sale must not have a negative amount", "(line_type <> 'sale' OR net_amount >= 0)"),),
)

CLEAN_ORDERS = Table(
    name="clean_orders",
    meaning="Orders net of everything returned so far.",
    grain="one row per order",
    key=("order_id",),
    columns=(
        Column("order_id", T.StringType(), "Order.", _REQUIRED),
        CUSTOMER_ID,
        Column("order_at", T.TimestampType(), "Time of the order's first line (UTC).", _REQUIRED),
        Column("order_date", T.DateType(), "Business day of the order.", _REQUIRED),
        Column("order_month", T.DateType(), "First day of the month of `order_date`.", _REQUIRED),
        Column("line_count", T.LongType(), "Sale lines of merchandise.", _COUNT, "lines"),
        Column("sale_amount", MONEY, "Money of the sale lines.", _REQUIRED, "shop currency"),
        Column("refund_amount", MONEY, "Money given back, as a positive number.", _REQUIRED, "shop currency"),
        Column("net_amount", MONEY, "Sales less refunds and adjustments.", _REQUIRED, "shop currency"),
        Column("postage_amount", MONEY, "Postage lines less those given back.", _REQUIRED, "shop currency"),
        Column("excluded_amount", MONEY, "Lines that are no revenue.", _REQUIRED, "shop currency"),
        Column("discount_amount", MONEY, "Discounts already taken off.", _REQUIRED, "shop currency"),
        Column("shipping_amount", MONEY, "Shipping.", _REQUIRED, "shop currency"),
        Column("paid_amount", MONEY, "Sum of payments; null without a payment.", unit="shop currency"),
        Column(
            "is_order",
            T.BooleanType(),
            "Whether it counts as an order: sales that were not wholly returned.",
            _REQUIRED,
        ),
        Column("first_ingest_date", T.DateType(), "Run that brought the first of its lines."),
        Column("last_ingest_date", T.DateType(), "Run that last changed the order.", _REQUIRED),
    ),
    cut_column="order_month",
    customer_columns=("customer_id",),
)

CLEAN_EVENTS = Table(
    name="clean_events",
    meaning="Click events, each in its session.",
    grain="one row per click event",
    key=("event_id",),
    columns=(
        Column("event_id", T.StringType(), "event_id of the raw event.", _REQUIRED),
        Column("session_id", T.StringType(), "Session; one id also across midnight.", _REQUIRED),
        Column("visitor_id", T.StringType(), "Browser or device.", _REQUIRED),
        CUSTOMER_ID,
        EVENT_AT,
        EVENT_DATE,
        INGEST_DATE,
        Column("event_type", T.StringType(), "What the visitor did.", _REQUIRED),
        Column("product_id", T.StringType(), "Product seen."),
        Column("category", T.StringType(), "Category seen."),
        Column("order_id", T.StringType(), "Order that a purchase event belongs to."),
        Column("device_type", T.StringType(), "Kind of device."),
        Column("referrer", T.StringType(), "Where the visitor came from."),
        Column("is_session_start", T.BooleanType(), "Whether the event opens its session.", _REQUIRED),
        Column(
            "dwell_seconds", T.DoubleType(), "Since the session's previous event; 0 at its start.", _COUNT, "seconds"
        ),
        Column("is_bot", T.BooleanType(), "Whether agent or rate tell of a bot.", _REQUIRED),
    ),
    slice_column="ingest_date",
    customer_columns=("customer_id",),
    linked_columns=("visitor_id", "order_id"),
)

CLEAN_SESSIONS = Table(
    name="clean_sessions",
    meaning="Visits, as far as they are known now.",
    grain="one row per session",
    key=("session_id",),
    columns=(
        Column("session_id", T.StringType(), "Session.", _REQUIRED),
        Column("visitor_id", T.StringType(), "Browser or device.", _REQUIRED),
        CUSTOMER_ID,
        Column("started_at", T.TimestampType(), "First event (UTC).", _REQUIRED),
        Column("ended_at", T.TimestampType(), "Last event (UTC).", _REQUIRED),
        Column("session_date", T.DateType(), "Business day of the first event.", _REQUIRED),
        Column("session_month", T.DateType(), "First day of the month of `session_date`.", _REQUIRED),
        Column("event_count", T.LongType(), "Events.", (NotNull(), Between(1)), "events"),
        Column("view_count", T.LongType(), "Product views.", _COUNT, "events"),
        Column("search_count", T.LongType(), "Searches.", _COUNT, "events"),
        Column("cart_count", T.LongType(), "Additions to the cart.", _COUNT, "events"),
        # What an analyst looks for first may be null in rows of before these columns, so it is not required.
        Column("cart_removal_count", T.LongType(), "Removals from the cart.", (Between(0),), "events"),
        Column("purchase_count", T.LongType(), "Purchases.", _COUNT, "events"),
        Column("viewed_product_count", T.LongType(), "Different products viewed.", (Between(0),), "products"),
        Column("duration_seconds", T.DoubleType(), "From first to last event.", _COUNT, "seconds"),
        Column("is_bounce", T.BooleanType(), "Whether it has one event alone."),
        Column("is_cart_abandoned", T.BooleanType(), "Whether a product was put in the cart and nothing bought."),
        Column(
            "time_of_day",
            T.StringType(),
            f"Of the first event, by the shop's clocks: {_HOURS}.",
            (OneOf(tuple(TIMES_OF_DAY)),),
        ),
        Column("referrer", T.StringType(), "Where the visitor came from, by the first event."),
        Column(
            "referrer_kind",
            T.StringType(),
            "Kind of the referrer, by words for it (`referrer_words`); direct where the first event has none.",
            (OneOf(REFERRER_KINDS),),
        ),
        Column("device_type", T.StringType(), "Kind of device."),
        Column("is_bot", T.BooleanType(), "Whether any event tells of a bot.", _REQUIRED),
        Column("first_ingest_date", T.DateType(), "Run that brought the first of its events."),
        Column("last_ingest_date", T.DateType(), "Run that last changed the session.", _REQUIRED),
    ),
    cut_column="session_month",
    customer_columns=("customer_id",),
    linked_columns=("visitor_id",),
)

CLEAN_REVIEWS = Table(
    name="clean_reviews",
    meaning="Reviews with what their texts say, and how their stars compare with what is usual.",
    grain="one row per review and order",
    key=("review_id",),
    columns=(
        Column("review_id", T.StringType(), "event_id of the raw review.", _REQUIRED),
        Column("customer_id", T.StringType(), "Who wrote it; null when the source does not say."),
        Column("order_id", T.StringType(), "Order reviewed."),
        Column("product_id", T.StringType(), "Product reviewed."),
        EVENT_AT,
        EVENT_DATE,
        INGEST_DATE,
        Column("rating", T.IntegerType(), "Stars.", (NotNull(), Between(1, 5)), "stars"),
        Column("word_count", T.LongType(), "Words of title and text.", _COUNT, "words"),
        Column("sentiment_score", T.DoubleType(), "From -1 (negative) to 1 (positive).", (NotNull(), Between(-1, 1))),
        Column(
            "recommend_probability",
            T.DoubleType(),
            "Chance that the writer recommends what was bought: by the text; where sentiment_model is `rating`, 1 from four "
            "stars up, else 0.",
            (Between(0, 1),),
        ),
        Column(
            "rating_text_gap",
            T.DoubleType(),
            "Stars that the text implies (expected stars by the text model) less the stars given: above 0 the text is "
            "kinder than the stars. Null where no text model read the text.",
            (Between(-4, 4),),
            "stars",
        ),
        *(
            Column(
                f"{aspect}_sentiment",
                T.DoubleType(),
                f"Mean sentiment of the sentences that name {meaning}, by the shop's words for it (`review_aspects`); of the "
                "whole review where none of them can be read. Null where none names it.",
                (Between(-1, 1),),
            )
            for aspect, meaning in _ASPECT_MEANINGS.items()
        ),
        Column(
            "sentiment_model",
            T.StringType(),
            "What read the text: the registered version of the text model; `rating` where there is no text, or was no text "
            "model yet: then the sentiment is (rating - 3) / 2.",
            _REQUIRED,
        ),
        Column(
            "customer_rating_difference",
            T.DoubleType(),
            "Stars less the mean of those that the customer gave before, as far as this run knew; null for a first review.",
            (Between(-4, 4),),
            "stars",
        ),
        Column(
            "product_rating_difference",
            T.DoubleType(),
            "Stars less the mean of those that the product got before, as far as this run knew; null for its first review.",
            (Between(-4, 4),),
            "stars",
        ),
    ),
    slice_column="ingest_date",
    customer_columns=("customer_id",),
    linked_columns=("order_id",),
)

CLEAN_CUSTOMERS = Table(
    name="clean_customers",
    meaning="What is known of customers, without direct identifiers; the latest row known at a date holds.",
    grain="one row per customer and change",
    key=("customer_id", "event_at", "ingest_date"),
    columns=(
        Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
        EVENT_AT,
        EVENT_DATE,
        INGEST_DATE,
        Column("signup_date", T.DateType(), "Day the account was made."),
        Column("country", T.StringType(), "Country."),
        Column("region", T.StringType(), "State or region."),
        Column("age_band", T.StringType(), "Age band."),
        Column("income_band", T.StringType(), "Income band."),
        Column("household_size", T.StringType(), "Persons in the household."),
        Column(
            "has_marketing_consent", T.BooleanType(), "What this version says of it; what holds is in clean_consent."
        ),
        Column(
            "email_hash",
            T.StringType(),
            "Keyed hash of the e-mail address, the same for two accounts of one address.",
        ),
    ),
    slice_column="ingest_date",
    customer_columns=("customer_id",),
)

CLEAN_CONSENT = Table(
    name="clean_consent",
    meaning="Consents as they were given and taken back; the newest row of a purpose known at a date holds.",
    grain="one row per customer, purpose and change",
    key=("customer_id", "purpose", "event_at", "ingest_date"),
    columns=(
        Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
        Column("purpose", T.StringType(), "What the consent is for, in lower case.", _REQUIRED),
        Column("event_at", T.TimestampType(), "From when it holds (UTC).", _REQUIRED),
        EVENT_DATE,
        INGEST_DATE,
        Column(
            "is_granted", T.BooleanType(), "Given or taken back; of both at one moment, taken back holds.", _REQUIRED
        ),
    ),
    slice_column="ingest_date",
    customer_columns=("customer_id",),
)

CLEAN_PRODUCTS = Table(
    name="clean_products",
    meaning="The product catalogue; the latest row known at a date holds.",
    grain="one row per product and change",
    key=("product_id", "event_at", "ingest_date"),
    columns=(
        Column("product_id", T.StringType(), "Product.", _REQUIRED),
        EVENT_AT,
        EVENT_DATE,
        INGEST_DATE,
        Column("product_name", T.StringType(), "Name."),
        Column("department", T.StringType(), "Department."),
        Column("category", T.StringType(), "Category."),
        Column("brand", T.StringType(), "Brand."),
        Column("list_price", LINE_MONEY, "List price.", unit="shop currency"),
    ),
    slice_column="ingest_date",
)

CLEAN_CAMPAIGN_EVENTS = Table(
    name="clean_campaign_events",
    meaning="Contacts and redemptions of past campaigns.",
    grain="one row per contact or redemption",
    key=("event_id",),
    columns=(
        Column("event_id", T.StringType(), "event_id of the raw row.", _REQUIRED),
        Column("customer_id", T.StringType(), "Who was contacted or redeemed.", _REQUIRED),
        Column("campaign_id", T.StringType(), "Campaign.", _REQUIRED),
        EVENT_AT,
        EVENT_DATE,
        INGEST_DATE,
        Column("event_type", T.StringType(), "What happened.", (NotNull(), OneOf(("contact", "redemption")))),
    ),
    slice_column="ingest_date",
    customer_columns=("customer_id",),
)
