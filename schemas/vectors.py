"""Vectors of products and customers, and products that go together, by the registered model of product vectors."""

from pyspark.sql import types as T

from schemas.contract import Between, Column, NotNull, Table

_REQUIRED = (NotNull(),)
_AS_OF = Column("as_of_date", T.DateType(), "Last full day known.", _REQUIRED)
_MODEL = Column("model_version", T.StringType(), "Registered model and version that gave the row.", _REQUIRED)
_VECTOR = T.ArrayType(T.FloatType())
MEAN = 0  # interest_number of the mean over all of a customer's purchases

SCORE_PRODUCT_VECTOR = Table(
    name="score_product_vector",
    meaning="Product vectors: near ones are bought or looked at with the same others. Compare vectors of one "
    "model_version alone.",
    grain="one row per product and as_of_date",
    key=("as_of_date", "product_id"),
    columns=(
        _AS_OF,
        Column("product_id", T.StringType(), "Product.", _REQUIRED),
        Column("vector", _VECTOR, "The product as what is known of a customer; near: alike.", _REQUIRED),
        Column("context_vector", _VECTOR, "The product as what comes next.", _REQUIRED),
        Column(
            "log_chance",
            T.DoubleType(),
            "Added to the product of a customer's vector and context_vector it ranks what is bought next.",
            (NotNull(), Between(None, 0)),
        ),
        _MODEL,
    ),
    slice_column="as_of_date",
)

SCORE_CUSTOMER_VECTOR = Table(
    name="score_customer_vector",
    meaning="Customers in the space of the product vectors: the mean of what they bought, recent purchases first, and "
    "up to three interests, which are groups of products that point the same way.",
    grain="one row per customer, interest and as_of_date",
    key=("as_of_date", "customer_id", "interest_number"),
    columns=(
        _AS_OF,
        Column("customer_id", T.StringType(), "Shop account.", _REQUIRED),
        Column(
            "interest_number",
            T.IntegerType(),
            "0: the mean of all; from 1: interests, the largest first.",
            (NotNull(), Between(0)),
        ),
        Column("weight_share", T.DoubleType(), "Of the weight of all purchases.", (NotNull(), Between(0, 1)), "share"),
        Column("vector", _VECTOR, "Weighted mean of the products' `vector`.", _REQUIRED),
        _MODEL,
    ),
    slice_column="as_of_date",
    customer_columns=("customer_id",),
)

SCORE_PRODUCT_PAIR = Table(
    name="score_product_pair",
    meaning="Complements: products that share more baskets than chance would have it, by the orders of the year before "
    "the model was trained.",
    grain="one row per product, other product and as_of_date",
    key=("as_of_date", "product_id", "other_product_id"),
    columns=(
        _AS_OF,
        Column("product_id", T.StringType(), "Product.", _REQUIRED),
        Column("other_product_id", T.StringType(), "Product bought with it.", _REQUIRED),
        Column("basket_count", T.LongType(), "Baskets that held both.", (NotNull(), Between(1)), "orders"),
        Column(
            "lift",
            T.DoubleType(),
            "Share of baskets that held both, over the product of the shares that held either.",
            (NotNull(), Between(0)),
            "ratio",
        ),
        Column("pair_rank", T.LongType(), "Place by lift among the product's pairs.", (NotNull(), Between(1))),
        _MODEL,
    ),
    slice_column="as_of_date",
)
