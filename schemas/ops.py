"""What the runs did: files read, rows accounted for, gates passed."""

from pyspark.sql import types as T

from schemas.contract import Between, Column, NotNull, OneOf, Table

GATED_LAYERS = ("clean", "feature", "score")  # in the order in which a night passes their gates
_REQUIRED = (NotNull(),)
_COUNT = (NotNull(), Between(0))

OPS_FILE = Table(
    name="ops_file",
    meaning="Landing files that were read. A file counts once, by its content.",
    grain="one row per source and file content",
    key=("source", "content_hash"),
    columns=(
        Column("source", T.StringType(), "Landing source.", _REQUIRED),
        Column("content_hash", T.StringType(), "SHA-256 of the file.", _REQUIRED),
        Column("source_file", T.StringType(), "Landing file, from the landing folder.", _REQUIRED),
        Column("ingest_date", T.DateType(), "as_of_date of the run that read it.", _REQUIRED),
        Column("size_bytes", T.LongType(), "Size.", _COUNT, "bytes"),
    ),
    slice_column="ingest_date",
)

OPS_RUN = Table(
    name="ops_run",
    meaning="For every run and source: file_row_count = new + duplicate + quarantined.",
    grain="one row per run and source",
    key=("ingest_date", "source"),
    columns=(
        Column("ingest_date", T.DateType(), "as_of_date of the run.", _REQUIRED),
        Column("source", T.StringType(), "Landing source.", _REQUIRED),
        Column("file_count", T.LongType(), "Files read.", _COUNT, "files"),
        Column(
            "file_row_count",
            T.LongType(),
            "Rows in the files; of a `replay-…` file those that were put back, which counted as refused before.",
            _COUNT,
            "rows",
        ),
        Column("new_row_count", T.LongType(), "Rows new in the raw table.", _COUNT, "rows"),
        Column("duplicate_row_count", T.LongType(), "Rows that were there already.", _COUNT, "rows"),
        Column("quarantined_row_count", T.LongType(), "Rows refused.", _COUNT, "rows"),
        Column("is_tiled", T.BooleanType(), "Whether tile has added what these files brought.", _REQUIRED),
        Column("extra_columns", T.StringType(), "Landed columns that the contract does not know, kept in `_extra`."),
        Column("stopped_reason", T.StringType(), "Why nothing of the source was read; null where it was."),
    ),
    slice_column="ingest_date",
    checks=(
        (
            "file_row_count must be new + duplicate + quarantined",
            "file_row_count = new_row_count + duplicate_row_count + quarantined_row_count",
        ),
    ),
)

OPS_REPLAY = Table(
    name="ops_replay",
    meaning="Quarantined rows that were put back; each is put back once.",
    grain="one row per quarantined row that was put back",
    key=("ingest_date", "source_file", "source_line", "text_hash"),
    columns=(
        Column("ingest_date", T.DateType(), "as_of_date of the run that quarantined the row.", _REQUIRED),
        Column("source", T.StringType(), "Landing source.", _REQUIRED),
        Column("source_file", T.StringType(), "Landing file that the row came in.", _REQUIRED),
        Column("source_line", T.LongType(), "Its place there, as in raw_quarantine.", _REQUIRED),
        Column("text_hash", T.StringType(), "Keyed hash of its original text.", _REQUIRED),
        Column("event_hash", T.StringType(), "Keyed hash of the event_id that it was put back under.", _REQUIRED),
        Column("replayed_date", T.DateType(), "as_of_date that the replay was given.", _REQUIRED),
        Column("replay_file", T.StringType(), "Landing file that it was written into.", _REQUIRED),
    ),
)

# Columns of `ops_lateness`, and the least and the greatest days late that each counts.
LATENESS_BUCKETS: tuple[tuple[str, int, int | None], ...] = (
    ("on_time_row_count", 0, 0),
    ("late_1_day_row_count", 1, 1),
    ("late_2_to_7_days_row_count", 2, 7),
    ("late_8_to_30_days_row_count", 8, 30),
    ("late_over_30_days_row_count", 31, None),
)


def _bucket_meaning(low: int, high: int | None) -> str:
    if high == 0:
        return "Of them of the run's day, or later."
    return f"Of them {low} to {high} days late." if high else f"Of them {low} days late or more."


OPS_LATENESS = Table(
    name="ops_lateness",
    meaning="How many days after their business day new rows came, by run and source.",
    grain="one row per run and source that brought new rows",
    key=("ingest_date", "source"),
    columns=(
        Column("ingest_date", T.DateType(), "as_of_date of the run.", _REQUIRED),
        Column("source", T.StringType(), "Landing source.", _REQUIRED),
        Column("new_row_count", T.LongType(), "Rows new in the raw table.", _COUNT, "rows"),
        *(
            Column(name, T.LongType(), _bucket_meaning(low, high), _COUNT, "rows")
            for name, low, high in LATENESS_BUCKETS
        ),
        Column("median_lateness_days", T.IntegerType(), "Lateness that half of them do not exceed.", _COUNT, "days"),
        Column("p99_lateness_days", T.IntegerType(), "Lateness that 99 of 100 do not exceed.", _COUNT, "days"),
        Column("maximum_lateness_days", T.IntegerType(), "Lateness of the latest.", _COUNT, "days"),
        Column("earlier_day_count", T.LongType(), "Earlier business days that got rows: those to tile again.", _COUNT),
    ),
    slice_column="ingest_date",
    checks=(
        (
            "new_row_count must be the sum of the counts by lateness",
            "new_row_count = " + " + ".join(name for name, *_ in LATENESS_BUCKETS),
        ),
    ),
)

OPS_GATE = Table(
    name="ops_gate",
    meaning="Results of the quality gates; publication needs every gate of its date passed.",
    grain="one row per as_of_date, layer, table and expectation",
    key=("as_of_date", "layer", "table_name", "expectation"),
    columns=(
        Column("as_of_date", T.DateType(), "Date judged.", _REQUIRED),
        Column("layer", T.StringType(), "Gate.", (NotNull(), OneOf(GATED_LAYERS))),
        Column("table_name", T.StringType(), "Table judged.", _REQUIRED),
        Column("expectation", T.StringType(), "Expectation and its arguments.", _REQUIRED),
        Column("is_success", T.BooleanType(), "Whether it held.", _REQUIRED),
        Column("observed", T.StringType(), "What was seen: value or count and examples of unexpected values."),
    ),
    slice_column="as_of_date",
    quoting_columns=("observed",),
)

OPS_ERASED_CUSTOMER = Table(
    name="ops_erased_customer",
    meaning="Customers who were erased, as keyed hashes; ingest refuses their rows from then on.",
    grain="one row per erased customer, and per e-mail address that was only theirs",
    key=("customer_hash",),
    columns=(
        Column("customer_hash", T.StringType(), "HMAC-SHA256 of the id or address under the lake's key.", _REQUIRED),
        Column("erased_date", T.DateType(), "Day on which the erasure was asked for.", _REQUIRED),
        Column(
            "identifier_kind",
            T.StringType(),
            "What was hashed; an e-mail address in lower case. Null in rows from before: a customer_id.",
            (OneOf(("customer_id", "email")),),
        ),
    ),
)

OPS_ERASURE = Table(
    name="ops_erasure",
    meaning="Proof of each erasure: what a place held of the customers before and after, without personal data.",
    grain="one row per erasure and place",
    key=("erasure_id", "place"),
    columns=(
        Column("erasure_id", T.StringType(), "HMAC-SHA256 over the customers of the erasure.", _REQUIRED),
        Column("place", T.StringType(), "Table, or folder of files.", _REQUIRED),
        Column("erased_date", T.DateType(), "Day on which the erasure was asked for.", _REQUIRED),
        Column("customer_count", T.LongType(), "Customers of the erasure.", _COUNT, "customers"),
        Column("before_count", T.LongType(), "Rows that were theirs when it was first asked for.", _COUNT, "rows"),
        Column("after_count", T.LongType(), "Rows that still are.", _COUNT, "rows"),
    ),
)
