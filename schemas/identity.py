"""Identity: which identifiers were seen together, and whose each one was, from when to when."""

from pyspark.sql import types as T

from schemas.clean import INGEST_DATE
from schemas.contract import Column, NotNull, OneOf, Table

_REQUIRED = (NotNull(),)
EDGE_KINDS = ("visitor_customer", "device_customer", "email_customer", "visitor_device", "visitor_email")

CLEAN_IDENTITY_EDGE = Table(
    name="clean_identity_edge",
    meaning="Pairs of identifiers that an event named together, each in the run that first brought it. No bots.",
    grain="one row per pair of identifiers",
    key=("edge_id",),
    columns=(
        Column("edge_id", T.StringType(), "Hash of the kind and the two identifiers.", _REQUIRED),
        Column("edge_kind", T.StringType(), "Which two of the columns are set.", (NotNull(), OneOf(EDGE_KINDS))),
        Column("visitor_id", T.StringType(), "Browser or device."),
        Column("device_id", T.StringType(), "Device that the browser or app runs on."),
        Column("email_hash", T.StringType(), "HMAC-SHA256 of the e-mail address under the lake's key."),
        Column("customer_id", T.StringType(), "Shop account that was logged in, or whose address it is."),
        Column("first_seen_at", T.TimestampType(), "First event of the run that names both (UTC).", _REQUIRED),
        INGEST_DATE,
    ),
    slice_column="ingest_date",
    customer_columns=("customer_id",),
    linked_columns=("visitor_id", "device_id", "email_hash"),
)

CLEAN_IDENTITY = Table(
    name="clean_identity",
    meaning="Whose an identifier was, from when to when: at D the row with valid_from <= D, and valid_to null or > D.",
    grain="one row per identifier and change",
    key=("identifier_kind", "identifier", "valid_from"),
    columns=(
        Column(
            "identifier_kind",
            T.StringType(),
            "What the identifier is.",
            (NotNull(), OneOf(("customer", "visitor", "device", "email"))),
        ),
        Column("identifier", T.StringType(), "Account, visitor or device id, or hash of an e-mail address.", _REQUIRED),
        Column(
            "customer_id",
            T.StringType(),
            "Whose it is: the earliest known of the accounts that are one; null: nobody's.",
        ),
        Column(
            "status",
            T.StringType(),
            "linked: one customer's. shared: accounts of several customers logged in. over_cap: tied to more than "
            "identity_component_cap others. unlinked: its device is no longer one customer's.",
            (NotNull(), OneOf(("linked", "shared", "over_cap", "unlinked"))),
        ),
        Column("valid_from", T.DateType(), "as_of_date of the first run that knew it.", _REQUIRED),
        Column("valid_to", T.DateType(), "as_of_date of the first run that knew otherwise; null while it holds."),
        Column(
            "change",
            T.StringType(),
            "new: first known; merge: from nobody or another customer to this one; split: away from a customer.",
            (NotNull(), OneOf(("new", "merge", "split"))),
        ),
        Column(
            "component_id",
            T.StringType(),
            "Of accounts: the earliest known of all that addresses tie together, also where the cap keeps them apart.",
        ),
        INGEST_DATE,
    ),
    slice_column="ingest_date",
    customer_columns=("customer_id", "identifier", "component_id"),
    linked_columns=("identifier",),
    checks=(("valid_to must be after valid_from", "(valid_to IS NULL OR valid_to > valid_from)"),),
)
