"""Retention campaigns: who is contacted, who is left alone for comparison, and what came of it."""

from pyspark.sql import types as T

from schemas.contract import MONEY, Between, Column, NotNull, OneOf, Table
from schemas.score import SEGMENTS

_REQUIRED = (NotNull(),)
_AS_OF = Column("as_of_date", T.DateType(), "Published date that the plan was made from.", _REQUIRED)
_CAMPAIGN = Column("campaign_id", T.StringType(), "Campaign.", _REQUIRED)
_ARM = Column(
    "arm", T.StringType(), "Contacted, or left alone for comparison.", (NotNull(), OneOf(("treatment", "control")))
)

CAMPAIGN_ASSIGNMENT = Table(
    name="campaign_assignment",
    meaning="Customers chosen for a campaign; chance decides the arm, from a hash of seed, campaign and customer; at most `campaign_size` are contacted.",
    grain="one row per campaign, as_of_date and customer",
    key=("as_of_date", "campaign_id", "customer_id"),
    columns=(
        _AS_OF,
        _CAMPAIGN,
        Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
        _ARM,
        Column("priority_rank", T.IntegerType(), "Place by value at risk, both arms counted: in a file of one arm, and without those who took the consent back, numbers are missing.", (NotNull(), Between(1))),
        Column("segment", T.StringType(), "RFM segment; null: no RFM model.", (OneOf(SEGMENTS),)),
        Column("churn_probability", T.DoubleType(), "P(no order in `churn_horizon_days`).", (NotNull(), Between(0, 1)), "probability"),
        Column("expected_net_revenue", T.DoubleType(), "CLV: net revenue expected in `clv_horizon_days`.", (NotNull(), Between(0)), "shop currency"),
        Column("value_at_risk", T.DoubleType(), "What the shop would lose: churn_probability times the net revenue that the customer brings in `clv_horizon_days` if he stays, which is expected_net_revenue / (1 - churn_probability), the divisor at least 0.05.", (NotNull(), Between(0)), "shop currency"),
    ),
    slice_column="as_of_date",
    customer_columns=("customer_id",),
)  # fmt: skip

CAMPAIGN_RESULT = Table(
    name="campaign_result",
    meaning="What the arms of a plan did since, measured at a later date by intention to treat.",
    grain="one row per campaign, plan date, measuring date and arm",
    key=("measured_date", "campaign_id", "as_of_date", "arm"),
    columns=(
        Column("measured_date", T.DateType(), "as_of_date of the measuring run.", _REQUIRED),
        _CAMPAIGN,
        _AS_OF,
        _ARM,
        Column("observed_days", T.IntegerType(), "Days since the plan, at most the campaign's window.", (NotNull(), Between(1)), "days"),
        Column("is_final", T.BooleanType(), "Whether the campaign's window is over.", _REQUIRED),
        Column("customer_count", T.LongType(), "Customers in the arm.", (NotNull(), Between(0)), "customers"),
        Column("buyer_count", T.LongType(), "Customers who ordered since.", (NotNull(), Between(0)), "customers"),
        Column("net_revenue", MONEY, "Net revenue since.", _REQUIRED, "shop currency"),
        Column("net_revenue_per_customer", T.DoubleType(), "Mean net revenue since.", (), "shop currency"),
        Column("uplift_per_customer", T.DoubleType(), "Treatment mean less control mean; null in the control row.", (), "shop currency"),
        Column("uplift_low", T.DoubleType(), "Lower end of its 95% interval (Welch).", (), "shop currency"),
        Column("uplift_high", T.DoubleType(), "Upper end of its 95% interval (Welch).", (), "shop currency"),
    ),
    slice_column="measured_date",
)  # fmt: skip
