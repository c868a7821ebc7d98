"""What the runs did: files read, rows accounted for, gates passed."""

from pyspark.sql import types as T

from schemas.contract import Between, Column, NotNull, OneOf, Table

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
        Column("file_row_count", T.LongType(), "Rows in the files.", _COUNT, "rows"),
        Column("new_row_count", T.LongType(), "Rows new in the raw table.", _COUNT, "rows"),
        Column("duplicate_row_count", T.LongType(), "Rows that were there already.", _COUNT, "rows"),
        Column("quarantined_row_count", T.LongType(), "Rows refused.", _COUNT, "rows"),
        Column("is_tiled", T.BooleanType(), "Whether tile has added what these files brought.", _REQUIRED),
    ),
    slice_column="ingest_date",
    checks=(
        (
            "file_row_count must be new + duplicate + quarantined",
            "file_row_count = new_row_count + duplicate_row_count + quarantined_row_count",
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
        Column("layer", T.StringType(), "Gate.", (NotNull(), OneOf(("clean", "feature", "score")))),
        Column("table_name", T.StringType(), "Table judged.", _REQUIRED),
        Column("expectation", T.StringType(), "Expectation and its arguments.", _REQUIRED),
        Column("is_success", T.BooleanType(), "Whether it held.", _REQUIRED),
        Column("observed", T.StringType(), "What was seen: value or count and examples of unexpected values."),
    ),
    slice_column="as_of_date",
)
