"""Identity of a run's days: new edges, then whose the identifiers are that they touch.

Reads `raw_clickstream`, `raw_customers`, `clean_events`; writes `clean_identity_edge`, `clean_identity`. A shop whose
events name nobody has neither table.
"""

import logging
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from jobs import lake_lock, runtime
from jobs.pseudonyms import key_of, pseudonym_column
from jobs.staging import staging
from jobs.tables import Run
from schemas.clean import CLEAN_EVENTS
from schemas.identity import CLEAN_IDENTITY, CLEAN_IDENTITY_EDGE
from schemas.raw import RAW_CLICKSTREAM, RAW_CUSTOMERS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from features.identity_accounts import Keep

log = logging.getLogger("nightjar")


def alone(run: Run) -> AbstractContextManager[None]:
    """The only job that conforms or identifies: two at once would empty each other's staging."""
    return lake_lock.only(run.settings.staging / "conform.lock", "conform or identify")


def link(run: Run) -> None:
    """Write the run's edges and what they change."""
    sightings = sightings_of(run)
    if sightings is None or not (run.exists(CLEAN_IDENTITY_EDGE) or sightings.head(1)):
        return
    from features.identity_edges import new_edges

    with runtime.step("identify") as facts:
        run.ensure(CLEAN_IDENTITY_EDGE)
        run.ensure(CLEAN_IDENTITY)
        earlier = run.read(CLEAN_IDENTITY_EDGE).filter(f"ingest_date < DATE'{run.first}'")
        run.replace(new_edges(sightings, earlier), CLEAN_IDENTITY_EDGE)
        with staging(run, "identify") as keep:
            former = former_changes(run)
            if not run.brought(CLEAN_IDENTITY_EDGE).head(1) and not former.head(1):
                return
            rows = keep(changes(run, former, keep), "changes")
            closing = keep(closings(run, rows), "closings")
            run.replace(rows, CLEAN_IDENTITY)
            if closing.head(1):
                run.merge(closing, CLEAN_IDENTITY)
            facts.update(told(rows))


def sightings_of(run: Run) -> "DataFrame | None":
    """What the run's clicks and customer records name together; None where the shop has neither."""
    from pyspark.sql import functions as F

    from features.identity_edges import normal_email, sightings_of_clicks, sightings_of_customers

    parts = []
    email_hash = pseudonym_column(normal_email(F.col("email")), key_of(run.settings))
    if run.exists(RAW_CLICKSTREAM):
        run.ensure(RAW_CLICKSTREAM)  # a lake of before may lack the columns
        bots = run.brought(CLEAN_EVENTS).filter("is_bot").select("event_id")
        people = run.brought(RAW_CLICKSTREAM).join(bots, "event_id", "left_anti")
        parts.append(sightings_of_clicks(people, email_hash))
    if run.exists(RAW_CUSTOMERS):
        parts.append(sightings_of_customers(run.brought(RAW_CUSTOMERS), email_hash))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])


def former_changes(run: Run) -> "DataFrame":
    """Identifiers that the same run changed when it ran before."""
    days = f"BETWEEN DATE'{run.first}' AND DATE'{run.as_of_date}'"
    rows = run.read(CLEAN_IDENTITY).filter(f"valid_from {days} OR valid_to {days}")
    return rows.select("identifier_kind", "identifier").distinct()


def changes(run: Run, former: "DataFrame", keep: "Keep") -> "DataFrame":
    """Rows of `clean_identity` that begin in the run's days."""
    from pyspark.sql import functions as F

    from features.identity import identities
    from features.identity_touched import touched

    edges, cap = run.known(CLEAN_IDENTITY_EDGE), run.settings.identity_component_cap
    earlier = run.read(CLEAN_IDENTITY).filter(f"ingest_date < DATE'{run.first}'")
    if earlier.head(1):
        edges = keep(edges, "edges")  # read a dozen times: from one file, not from one for each day of history
        found = touched(edges, run.brought(CLEAN_IDENTITY_EDGE), still_open(earlier, run), former, cap, keep)
        states = identities(found.edges, cap, keep)
        states = states.join(found.identifiers, ["identifier_kind", "identifier"], "left_semi")
    else:
        states = identities(edges, cap, keep)
    begun = states.filter(F.col("valid_from") >= F.lit(run.first)).withColumn("ingest_date", F.col("valid_from"))
    later = next_changes(run.read(CLEAN_IDENTITY).filter(f"ingest_date > DATE'{run.as_of_date}'"))
    return (
        begun.join(later, ["identifier_kind", "identifier"], "left")
        .withColumn("valid_to", F.coalesce("valid_to", "changed_on"))
        .select(*CLEAN_IDENTITY.column_names)
    )


def still_open(rows: "DataFrame", run: Run) -> "DataFrame":
    """Rows that hold until the run's first day, whatever it or a later run said of them before."""
    return rows.filter(f"valid_to IS NULL OR valid_to >= DATE'{run.first}'")


def next_changes(rows: "DataFrame") -> "DataFrame":
    """(identifier_kind, identifier, changed_on): the first day on which rows begin."""
    from pyspark.sql import functions as F

    return rows.groupBy("identifier_kind", "identifier").agg(F.min("valid_from").alias("changed_on"))


def closings(run: Run, rows: "DataFrame") -> "DataFrame":
    """Earlier rows whose end the run's rows move: those that give way, and those that a rerun opens again."""
    from pyspark.sql import functions as F

    earlier = run.read(CLEAN_IDENTITY).filter(f"ingest_date < DATE'{run.first}'")
    known = still_open(earlier, run).join(next_changes(rows), ["identifier_kind", "identifier"], "left")
    end = F.coalesce("changed_on", F.when(F.col("valid_to") > F.lit(run.as_of_date), F.col("valid_to")))
    moved = known.withColumn("end", end).filter("NOT (end <=> valid_to)")
    return moved.withColumn("valid_to", F.col("end")).select(*CLEAN_IDENTITY.column_names)


def told(rows: "DataFrame") -> dict[str, object]:
    """What the log may tell: how many, never who."""
    counts = {(row.change, row.status): row["count"] for row in rows.groupBy("change", "status").count().collect()}
    facts: dict[str, object] = {
        word: sum(n for (change, _), n in counts.items() if change == word) for word in ("new", "merge", "split")
    }
    facts["over_cap"] = sum(n for (_, status), n in counts.items() if status == "over_cap")
    if facts["over_cap"]:
        log.warning(
            "identity: %d identifiers are tied to too many others and were left apart; see status over_cap in "
            "clean_identity, and the setting identity_component_cap",
            facts["over_cap"],
        )
    return facts
