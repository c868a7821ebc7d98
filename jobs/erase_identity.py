"""Identity of those who were one with an erased customer: made anew, of what is known of them without him.

Reads `clean_identity_edge`, `clean_identity`; writes `clean_identity`.
"""

from typing import TYPE_CHECKING

from jobs.erase_tables import frame_of
from jobs.erase_words import Sought
from jobs.staging import staging
from jobs.tables import Run
from schemas.identity import CLEAN_IDENTITY, CLEAN_IDENTITY_EDGE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

IDENTIFIER = ["identifier_kind", "identifier"]
BEARERS = ("customer_id", "component_id")  # columns in which rows of others bear an account's id
ENDS = ("customer_id", *CLEAN_IDENTITY_EDGE.linked_columns)


def identify_others(run: Run, sought: Sought) -> None:
    """Give identifiers that bear an erased customer's id, and aren't only his, the rows that they have without him.

    All else stays as it was known: what is shared remains nobody's, for clicks on it may be his. One commit, before his
    edges go: an erasure killed before it does it again, one killed after it finds nothing left to do.
    """
    if not run.exists(CLEAN_IDENTITY):
        return
    from pyspark.sql import functions as F

    from features.identity import identities
    from features.identity_touched import touched

    rows, cap = run.read(CLEAN_IDENTITY), run.settings.identity_component_cap
    present = rows.filter("valid_to IS NULL")
    with staging(run, "erase") as keep:
        orphans = keep(orphans_of(run, present, sought), "orphans")
        if not orphans.head(1):
            return
        edges = keep(without_subjects(run, sought), "edges")
        found = touched(edges, edges.limit(0), present, orphans, cap, keep)
        states = identities(found.edges, cap, keep).join(orphans, IDENTIFIER, "left_semi")
        states = states.withColumn("ingest_date", F.col("valid_from")).select(*CLEAN_IDENTITY.column_names)
        states = keep(states, "states")
        stale = rows.join(orphans, IDENTIFIER, "left_semi").join(states, [*CLEAN_IDENTITY.key], "left_anti")
        run.merge(states, CLEAN_IDENTITY, stale)


def orphans_of(run: Run, present: "DataFrame", sought: Sought) -> "DataFrame":
    """(identifier_kind, identifier) whose present row names an erased customer, and who are somebody else's too."""
    customers = frame_of(run, "customer_id", sought.customers)
    bearing = [present.join(customers.toDF(column), column, "left_semi").select(*IDENTIFIER) for column in BEARERS]
    theirs = frame_of(run, "identifier", sought.customers | sought.subjects["identifier"])
    return bearing[0].unionByName(bearing[1]).distinct().join(theirs, "identifier", "left_anti")


def without_subjects(run: Run, sought: Sought) -> "DataFrame":
    """Edges that the erasure leaves."""
    edges = run.read(CLEAN_IDENTITY_EDGE)
    for column in ENDS:
        if sought.subjects[column]:
            edges = edges.join(frame_of(run, column, sought.subjects[column]), column, "left_anti")
    return edges.select(*CLEAN_IDENTITY_EDGE.column_names)
