"""Scores of one date, and the published view of customers."""

from pyspark.sql import types as T

from schemas.contract import MONEY, Between, Column, NotNull, OneOf, Table

_REQUIRED = (NotNull(),)
LARGEST = 10**12  # far beyond any; without an end a number that is infinite, or none, would do
_AS_OF = Column("as_of_date", T.DateType(), "Last full day known.", _REQUIRED)
_CUSTOMER = Column("customer_id", T.StringType(), "Shop account.", _REQUIRED)
_MODEL = Column("model_version", T.StringType(), "Registered model and version that gave the score.", _REQUIRED)
SEGMENTS = (
    "champions", "loyal", "potential_loyalist", "new", "promising", "needs_attention",
    "about_to_sleep", "at_risk", "cannot_lose", "hibernating", "lost", "no_orders",
)  # fmt: skip


def _score_table(name: str, meaning: str, *columns: Column) -> Table:
    return Table(
        name=name,
        meaning=meaning,
        grain="one row per customer and as_of_date",
        key=("as_of_date", "customer_id"),
        columns=(_AS_OF, _CUSTOMER, *columns, _MODEL),
        slice_column="as_of_date",
        customer_columns=("customer_id",),
    )


SCORE_EMBEDDING = _score_table(
    "score_embedding",
    "Customer embeddings: the contractive autoencoder's code of the feature row.",
    Column("embedding", T.ArrayType(T.FloatType()), "Code; near customers behave alike.", _REQUIRED),
    Column(
        "reconstruction_error",
        T.DoubleType(),
        "Mean squared error in scaled units; large: unusual.",
        (NotNull(), Between(0, LARGEST)),
    ),
)

SCORE_RFM = _score_table(
    "score_rfm",
    "RFM quintiles by the model's frozen cut-points, and their segment.",
    Column("recency_score", T.IntegerType(), "5: ordered most recently; null: no order yet.", (Between(1, 5),)),
    Column("frequency_score", T.IntegerType(), "5: orders most often; null: no order yet.", (Between(1, 5),)),
    Column("monetary_score", T.IntegerType(), "5: most net revenue; null: no order yet.", (Between(1, 5),)),
    Column("segment", T.StringType(), "Named segment of recency and frequency.", (NotNull(), OneOf(SEGMENTS))),
)

SCORE_CHURN = _score_table(
    "score_churn",
    "Calibrated probability of no order in the horizon, for customers who have ordered.",
    Column("horizon_days", T.IntegerType(), "Horizon H.", (NotNull(), Between(1)), "days"),
    Column("churn_probability", T.DoubleType(), "P(no order in (D, D+H]).", (NotNull(), Between(0, 1)), "probability"),
    Column("top_reasons", T.StringType(), "Up to three features that raise the probability most, strongest first."),
)

SCORE_CLV = _score_table(
    "score_clv",
    "Expected net revenue in the horizon, for customers who have ordered.",
    Column("horizon_days", T.IntegerType(), "Horizon H.", (NotNull(), Between(1)), "days"),
    Column(
        "expected_net_revenue",
        T.DoubleType(),
        "E[net revenue in (D, D+H]].",
        (NotNull(), Between(0, LARGEST)),
        "shop currency",
    ),
    Column(
        "expected_order_days",
        T.DoubleType(),
        "BG/NBD: expected days with an order in (D, D+H].",
        (Between(0, LARGEST),),
        "days",
    ),
    Column("alive_probability", T.DoubleType(), "BG/NBD: P(still a customer).", (Between(0, 1),), "probability"),
    Column("method", T.StringType(), "Method that won on the holdout date.", (NotNull(), OneOf(("btyd", "two_part")))),
)

CUSTOMER_360 = Table(
    name="customer_360",
    meaning="The published dates: features, segment and scores of each customer, side by side. "
    "A date is published when, and only when, its rows are here; one commit brings them all.",
    grain="one row per customer and published as_of_date",
    key=("as_of_date", "customer_id"),
    columns=(
        _AS_OF,
        _CUSTOMER,
        Column("snapshot_version", T.IntegerType(), "Version of the feature snapshot.", _REQUIRED),
        Column("segment", T.StringType(), "RFM segment; null: has ordered, no RFM model.", (OneOf(SEGMENTS),)),
        Column("recency_days", T.LongType(), "Days since the last order.", (Between(0),), "days"),
        Column("order_count_365d", T.LongType(), "Orders in the last year.", _REQUIRED, "orders"),
        Column("net_revenue_365d", MONEY, "Net revenue in the last year.", _REQUIRED, "shop currency"),
        Column("net_revenue_lifetime", MONEY, "Net revenue ever.", _REQUIRED, "shop currency"),
        Column("churn_horizon_days", T.IntegerType(), "Horizon of churn_probability.", (), "days"),
        Column("churn_probability", T.DoubleType(), "P(no order in the horizon); null: never ordered.", (Between(0, 1),), "probability"),
        Column("churn_top_reasons", T.StringType(), "Up to three features that raise it most, strongest first."),
        Column("clv_horizon_days", T.IntegerType(), "Horizon of expected_net_revenue.", (), "days"),
        Column("expected_net_revenue", T.DoubleType(), "CLV over the horizon; null: never ordered.", (Between(0, LARGEST),), "shop currency"),
        Column("alive_probability", T.DoubleType(), "P(still a customer).", (Between(0, 1),), "probability"),
        Column("has_marketing_consent", T.BooleanType(), "Consent to marketing known at the date, a no on any account of the person before all; null: nothing is known."),
        Column("country", T.StringType(), "Country."),
        Column("region", T.StringType(), "State or region."),
        Column("embedding", T.ArrayType(T.FloatType()), "Customer embedding; null: no model."),
        Column("models", T.StringType(), "Versions of the models behind the row."),
    ),
    slice_column="as_of_date",
    customer_columns=("customer_id",),
)  # fmt: skip
