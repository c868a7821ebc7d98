"""Identity of those who were one with an erased customer: made anew, of what is known of them without him.

Reads `clean_identity_edge`, `clean_identity`; writes `clean_identity`.
"""

from functools import reduce
from typing import TYPE_CHECKING

from jobs.erase_tables import frame_of
from jobs.erase_words import Sought
from jobs.staging import staging
from jobs.tables import Run
from schemas.identity import CLEAN_IDENTITY, CLEAN_IDENTITY_EDGE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from features.identity_accounts import Keep

IDENTIFIER = ["identifier_kind", "identifier"]
ENDS = ("customer_id", *CLEAN_IDENTITY_EDGE.linked_columns)


def identify_others(run: Run, sought: Sought) -> int:
    """Give identifiers that were one with an erased customer, and aren't only his, the rows they have without him.

    What was nobody's remains so: what is shared, for clicks on it may be his, and accounts that the cap keeps apart,
    though fewer are left. One commit, before his edges go: an erasure killed before it does it again, one killed after
    it finds nothing left to do. Returns how many rows that named him gave way to others.
    """
    if not run.exists(CLEAN_IDENTITY):
        return 0
    from pyspark.sql import functions as F

    from features.identity import identities
    from features.identity_touched import touched

    rows, cap = run.read(CLEAN_IDENTITY), run.settings.identity_component_cap
    present = rows.filter("valid_to IS NULL")
    with staging(run, "erase") as keep:
        apart = keep(kept_apart(run, present, sought), "apart")
        edges = keep(run.read(CLEAN_IDENTITY_EDGE), "edges")  # read a dozen times: from one file
        his = keep(naming_subjects(run, edges, sought), "his_edges")
        orphans = keep(orphans_of(run, edges, his, present, sought, keep), "orphans")
        if not (orphans.head(1) or apart.head(1)):
            return 0
        left = keep(edges.join(his, "edge_id", how="left_anti").select(*edges.columns), "left_edges")
        found = touched(left, left.limit(0), present, orphans, cap, keep)
        states = identities(found.edges, cap, keep).join(orphans, IDENTIFIER, how="left_semi")
        states = states.withColumn("ingest_date", F.col("valid_from")).select(*CLEAN_IDENTITY.column_names)
        states = keep(states.unionByName(apart), "states")
        replaced = rows.join(orphans.unionByName(apart.select(*IDENTIFIER)), IDENTIFIER, how="left_semi")
        named = naming(run, replaced, sought).count()
        stale = rows.join(orphans, IDENTIFIER, how="left_semi").join(states, [*CLEAN_IDENTITY.key], how="left_anti")
        run.merge(states, CLEAN_IDENTITY, stale.select(*CLEAN_IDENTITY.key))
    return named


def orphans_of(
    run: Run, edges: "DataFrame", his: "DataFrame", present: "DataFrame", sought: Sought, keep: "Keep"
) -> "DataFrame":
    """(identifier_kind, identifier) of all that his edges tie together, but for what is nobody's or only his."""
    from pyspark.sql import functions as F

    from features.identity_touched import touched

    none = keep(present.limit(0).select(*IDENTIFIER), "none")  # Sail can't plan a union with an empty frame
    tied = touched(edges, his, present, none, run.settings.identity_component_cap, keep)
    crowd = present.filter("identifier_kind = 'customer' AND status = 'over_cap' AND customer_id = identifier")
    linked = present.filter("customer_id IS NOT NULL").join(tied.identifiers, IDENTIFIER, how="left_semi")
    alone = linked.join(crowd.select(F.col("identifier").alias("customer_id")), "customer_id", how="left_anti")
    theirs = frame_of(run, "identifier", sought.customers | sought.subjects["identifier"])
    return alone.select(*IDENTIFIER).distinct().join(theirs, "identifier", how="left_anti")


def kept_apart(run: Run, present: "DataFrame", sought: Sought) -> "DataFrame":
    """Accounts that the cap keeps apart, whose component bears an erased id: with that of the earliest one left."""
    from pyspark.sql import functions as F

    customers = frame_of(run, "component_id", sought.customers)
    bearing = present.filter("identifier_kind = 'customer' AND status = 'over_cap' AND customer_id = identifier")
    bearing = bearing.join(customers, "component_id", how="left_semi")
    left = bearing.join(frame_of(run, "identifier", sought.customers), "identifier", how="left_anti")
    first = left.groupBy("component_id").agg(F.min(F.concat("valid_from", "identifier")).alias("first"))
    named = left.join(first, "component_id", how="inner").withColumn("component_id", F.expr("substring(first, 11)"))
    return named.select(*CLEAN_IDENTITY.column_names)


def naming(run: Run, rows: "DataFrame", sought: Sought) -> "DataFrame":
    """Rows that bear an erased customer's id."""
    customers = frame_of(run, "customer_id", sought.customers)
    of_id = rows.join(customers, "customer_id", how="left_semi").select(*CLEAN_IDENTITY.key)
    of_component = rows.join(customers.toDF("component_id"), "component_id", how="left_semi")
    return of_id.unionByName(of_component.select(*CLEAN_IDENTITY.key)).distinct()


def naming_subjects(run: Run, edges: "DataFrame", sought: Sought) -> "DataFrame":
    """Edges that name a subject of the erasure: those that go."""
    parts = [
        edges.join(frame_of(run, column, sought.subjects[column]), column, how="left_semi").select(*edges.columns)
        for column in ENDS
        if sought.subjects[column]
    ]
    return reduce(lambda left, right: left.unionByName(right), parts).distinct()
