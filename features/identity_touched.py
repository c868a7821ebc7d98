"""The part of the graph that a run's new edges may change, with all that decides it."""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.identity import first_of
from features.identity_accounts import Keep

KINDS = {"customer": "customer_id", "visitor": "visitor_id", "device": "device_id", "email": "email_hash"}


@dataclass(frozen=True)
class Touched:
    """Identifiers whose state may change (`identifier_kind`, `identifier`), and the edges that decide it."""

    identifiers: DataFrame
    edges: DataFrame


def touched(edges: DataFrame, fresh: DataFrame, earlier: DataFrame, former: DataFrame, cap: int, keep: Keep) -> Touched:
    """What `fresh` edges may change among `edges`.

    `earlier` is identity as the runs before left it; `former` are the identifiers that the same run changed when it ran
    before. An account brings those that addresses tie to it, a device and an address their visitors.
    """
    by_kind = {kind: _ids(fresh, column).unionByName(_former(former, kind)) for kind, column in KINDS.items()}
    of_addresses = _neighbours(edges, by_kind["email"], "email_customer", "email_hash", "customer_id")
    named = by_kind["customer"].unionByName(of_addresses).distinct()
    accounts = keep(_with_components(edges, named, earlier), "touched_accounts")
    devices = by_kind["device"].unionByName(_neighbours(edges, accounts, "device_customer", "customer_id", "device_id"))
    addresses = by_kind["email"].unionByName(
        _neighbours(edges, accounts, "email_customer", "customer_id", "email_hash")
    )
    devices, addresses = keep(devices.distinct(), "touched_devices"), keep(addresses.distinct(), "touched_addresses")
    visitors = (
        by_kind["visitor"]
        .unionByName(_neighbours(edges, accounts, "visitor_customer", "customer_id", "visitor_id"))
        .unionByName(_neighbours(edges, addresses, "visitor_email", "email_hash", "visitor_id"))
        .unionByName(_neighbours(edges, devices, "visitor_device", "device_id", "visitor_id"))
    )
    visitors = keep(visitors.distinct(), "touched_visitors")
    sets = {"customer": accounts, "device": devices, "email": addresses, "visitor": visitors}
    parts = [
        ids.select(F.lit(kind).alias("identifier_kind"), F.col("id").alias("identifier")) for kind, ids in sets.items()
    ]
    identifiers = parts[0].unionByName(parts[1]).unionByName(parts[2]).unionByName(parts[3])
    return Touched(identifiers, keep(_deciding(edges, sets, earlier, cap, keep), "touched_edges"))


def _deciding(edges: DataFrame, sets: dict[str, DataFrame], earlier: DataFrame, cap: int, keep: Keep) -> DataFrame:
    """All edges of the accounts that have a say, and those of the visitors, devices and addresses asked about."""
    devices = sets["device"].unionByName(
        _neighbours(edges, sets["visitor"], "visitor_device", "visitor_id", "device_id")
    )
    addresses = sets["email"].unionByName(
        _neighbours(edges, sets["visitor"], "visitor_email", "visitor_id", "email_hash")
    )
    sayers = sets["customer"]
    for ids, kind in ((sets["visitor"], "visitor"), (devices, "device"), (addresses, "email")):
        column = KINDS[kind]
        of_kind = edges.filter(f"edge_kind = '{kind}_customer'").join(
            ids.select(F.col("id").alias(column)), column, "left_semi"
        )
        sayers = sayers.unionByName(_ids(first_of(of_kind, column, "customer_id", cap + 1), "customer_id"))
    accounts = _with_components(edges, keep(sayers.distinct(), "sayers"), earlier)
    wanted = {"customer_id": accounts, "visitor_id": sets["visitor"], "device_id": devices}
    marked = edges
    for column, ids in wanted.items():
        mark = ids.distinct().select(F.col("id").alias(column), F.lit(True).alias(f"_by_{column}"))
        marked = marked.join(mark, column, "left")
    return marked.filter(" OR ".join(f"_by_{column}" for column in wanted)).select(*edges.columns)


def _with_components(edges: DataFrame, accounts: DataFrame, earlier: DataFrame) -> DataFrame:
    """Accounts, those of the same addresses, and all others of their components so far."""
    addresses = _neighbours(edges, accounts, "email_customer", "customer_id", "email_hash").distinct()
    near = accounts.unionByName(_neighbours(edges, addresses, "email_customer", "email_hash", "customer_id")).distinct()
    components = earlier.filter("identifier_kind = 'customer'").select(F.col("identifier").alias("id"), "component_id")
    of_near = components.join(near, "id", "left_semi").select("component_id").distinct()
    return near.unionByName(components.join(of_near, "component_id", "left_semi").select("id")).distinct()


def _ids(edges: DataFrame, column: str) -> DataFrame:
    return edges.filter(f"{column} IS NOT NULL").select(F.col(column).alias("id")).distinct()


def _former(former: DataFrame, kind: str) -> DataFrame:
    return former.filter(f"identifier_kind = '{kind}'").select(F.col("identifier").alias("id"))


def _neighbours(edges: DataFrame, ids: DataFrame, edge_kind: str, column: str, other: str) -> DataFrame:
    """(id) at the other ends of edges of a kind."""
    ends = edges.filter(f"edge_kind = '{edge_kind}'").select(F.col(column).alias("id"), F.col(other).alias("other"))
    return ends.join(ids, "id", "left_semi").select(F.col("other").alias("id"))
