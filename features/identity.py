"""Edges into identity: whose each account, address, device and visitor was, from when to when.

What an identifier belongs to follows from the accounts that logged in on it: one customer's, it is his; of several
customers, it is shared and nobody's; too many, it is over the cap. A visitor without a log-in of his own is whose his
device is. Every rule looks at edges known by a date, so the periods of all dates are made at once.
"""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from features.identity_accounts import Keep, account_periods

SUBJECTS = {"visitor": "visitor_id", "device": "device_id", "email": "email_hash"}


def identities(edges: DataFrame, cap: int, keep: Keep) -> DataFrame:
    """`clean_identity` without `ingest_date`, of every identifier in `edges` that ever was anybody's."""
    accounts = account_periods(edges, cap, keep)
    crowded = keep(_crowded_accounts(edges, cap), "crowded")
    owners = keep(_owners_of_accounts(accounts, crowded), "owners")
    device = _evidence(edges, "device", owners, cap).unionByName(_crowded_devices(edges, cap))
    devices = keep(_periods(keep(device, "device")), "devices")
    emails = _periods(keep(_evidence(edges, "email", owners, cap), "email"))
    logged_in = keep(_evidence(edges, "visitor", owners, cap).unionByName(_by_address(edges, owners, cap)), "logged_in")
    visitor = logged_in.unionByName(_by_device(edges, devices, logged_in))
    visitors = _periods(keep(visitor, "visitor"))
    found = _states(_account_periods(accounts, crowded), "customer")
    for kind, periods in (("device", devices), ("email", emails), ("visitor", visitors)):
        found = found.unionByName(_states(periods.withColumn("component_id", F.lit(None).cast("string")), kind))
    return found


def first_of(edges: DataFrame, subject: str, other: str, count: int) -> DataFrame:
    """Edges of each subject with the first `count` others, and their `place`: more tell nothing new."""
    order = Window.partitionBy(subject).orderBy("ingest_date", other)
    return edges.withColumn("place", F.row_number().over(order)).filter(F.col("place") <= count)


def _crowded_accounts(edges: DataFrame, cap: int) -> DataFrame:
    """(customer_id, over_on) of accounts with more visitors and devices than the cap: a test account, a till."""
    tied = edges.filter("edge_kind IN ('visitor_customer', 'device_customer')")
    other = tied.withColumn("other", F.concat_ws("|", "edge_kind", F.coalesce("visitor_id", "device_id")))
    too_many = first_of(other, "customer_id", "other", cap + 1).filter(F.col("place") > cap)
    return too_many.select("customer_id", F.col("ingest_date").alias("over_on"))


def _crowded_devices(edges: DataFrame, cap: int) -> DataFrame:
    """Evidence against devices with more visitors than the cap."""
    tied = edges.filter("edge_kind = 'visitor_device'")
    too_many = first_of(tied, "device_id", "visitor_id", cap + 1).filter(F.col("place") > cap)
    return too_many.select(
        F.col("device_id").alias("subject"), _no_one(), F.col("ingest_date").alias("since"), _open_end()
    )


def _no_one() -> SparkColumn:
    return F.lit(None).cast("string").alias("owner")


def _open_end() -> SparkColumn:
    return F.lit(None).cast("date").alias("until")


def _owners_of_accounts(accounts: DataFrame, crowded: DataFrame) -> DataFrame:
    """Periods of accounts as evidence; from the day on which an account is crowded it tells of nobody."""
    known = accounts.join(crowded, "customer_id", "left")
    good = known.filter("over_on IS NULL OR over_on > since").select(
        "customer_id", F.col("owner_id").alias("owner"), "since", F.least("until", "over_on").alias("until")
    )
    void = crowded.select("customer_id", _no_one(), F.col("over_on").alias("since"), _open_end())
    return good.unionByName(void)


def _evidence(edges: DataFrame, kind: str, owners: DataFrame, cap: int) -> DataFrame:
    """Periods in which accounts tell whose a subject is; the account beyond the cap tells that it is nobody's."""
    subject = SUBJECTS[kind]
    log_ins = first_of(edges.filter(f"edge_kind = '{kind}_customer'"), subject, "customer_id", cap + 1)
    named = log_ins.select(F.col(subject).alias("subject"), "customer_id", "place", F.col("ingest_date").alias("seen"))
    return _told_by(named, owners, cap)


def _told_by(log_ins: DataFrame, owners: DataFrame, cap: int) -> DataFrame:
    told = log_ins.join(owners, "customer_id").filter("until IS NULL OR until > seen")
    return told.select(
        "subject",
        F.when(F.col("place") <= cap, F.col("owner")).alias("owner"),
        F.greatest("seen", "since").alias("since"),
        "until",
    )


def _by_address(edges: DataFrame, owners: DataFrame, cap: int) -> DataFrame:
    """Evidence of visitors who gave an address without a log-in: the accounts of the address count as logged in."""
    of_accounts = first_of(edges.filter("edge_kind = 'email_customer'"), "email_hash", "customer_id", cap + 1).select(
        "email_hash", "customer_id", "place", F.col("ingest_date").alias("owned_on")
    )
    given = edges.filter("edge_kind = 'visitor_email'").select("visitor_id", "email_hash", "ingest_date")
    named = given.join(of_accounts, "email_hash").select(
        F.col("visitor_id").alias("subject"),
        "customer_id",
        "place",
        F.greatest("ingest_date", "owned_on").alias("seen"),
    )
    return _told_by(named, owners, cap)


def _by_device(edges: DataFrame, devices: DataFrame, logged_in: DataFrame) -> DataFrame:
    """Evidence of visitors by the device that they run on, until they log in themselves."""
    first = logged_in.groupBy("subject").agg(F.min("since").alias("first_on"))
    on_device = edges.filter("edge_kind = 'visitor_device'").select(
        F.col("visitor_id").alias("visitor"), F.col("device_id").alias("subject"), F.col("ingest_date").alias("seen")
    )
    told = (
        on_device.join(devices.filter("status = 'linked'"), "subject")
        .filter("until IS NULL OR until > seen")
        .select(F.col("visitor").alias("subject"), "owner", F.greatest("seen", "since").alias("since"), "until")
        .join(first, "subject", "left")
        .filter("first_on IS NULL OR first_on > since")
    )
    return told.select("subject", "owner", "since", F.least("until", "first_on").alias("until"))


def _periods(evidence: DataFrame) -> DataFrame:
    """(subject, owner, status, since, until): what all evidence together says, day by day on which it changes."""
    ends = evidence.filter("until IS NOT NULL").select("subject", F.col("until").alias("day"))
    days = evidence.select("subject", F.col("since").alias("day")).unionByName(ends).distinct()
    active = evidence.join(days, "subject").filter("since <= day AND (until IS NULL OR until > day)")
    told = active.groupBy("subject", "day").agg(
        F.min("owner").alias("least"),
        F.max("owner").alias("most"),
        F.max(F.col("owner").isNull().cast("int")).alias("too_many"),
    )
    status = (
        F.when(F.col("too_many").isNull(), "unlinked")
        .when(F.col("too_many") == 1, "over_cap")
        .when(F.col("least") == F.col("most"), "linked")
        .otherwise("shared")
    )
    states = days.join(told, ["subject", "day"], "left").withColumn("status", status)
    owner = F.when(F.col("status") == "linked", F.col("least"))
    return _changes(states.select("subject", owner.alias("owner"), "status", F.col("day").alias("since")))


def _changes(states: DataFrame, *also: str) -> DataFrame:
    """Only the days on which a subject's state differs from the one before, as periods."""
    in_time = Window.partitionBy("subject").orderBy("since")
    told = F.concat_ws("|", F.coalesce("owner", F.lit("")), "status", *also)
    changed = states.withColumn("_told", told).withColumn("_before", F.lag("_told").over(in_time))
    kept = changed.filter(F.col("_before").isNull() | (F.col("_told") != F.col("_before"))).drop("_told", "_before")
    return kept.withColumn("until", F.lead("since").over(in_time))


def _account_periods(accounts: DataFrame, crowded: DataFrame) -> DataFrame:
    """The accounts' own states. One that is crowded stays who it is; its visitors and devices are not taken for his."""
    known = accounts.join(crowded, "customer_id", "left").withColumn("subject", F.col("customer_id"))
    later = known.filter("over_on > since AND (until IS NULL OR over_on < until)")
    days = known.select("*", F.col("since").alias("day")).unionByName(later.select("*", F.col("over_on").alias("day")))
    is_over = F.col("is_over") | F.coalesce(F.col("over_on") <= F.col("day"), F.lit(False))
    states = days.select(
        "subject",
        F.col("owner_id").alias("owner"),
        F.when(is_over, "over_cap").otherwise("linked").alias("status"),
        "component_id",
        F.col("day").alias("since"),
    )
    return _changes(states, "component_id")


def _states(periods: DataFrame, kind: str) -> DataFrame:
    in_time = Window.partitionBy("subject").orderBy("since")
    before, is_first = F.lag("owner").over(in_time), F.row_number().over(in_time) == 1
    goes = F.col("owner").isNull() | ((F.col("subject") == F.col("owner")) & F.lit(kind == "customer"))
    change = F.when(is_first, "new").when(goes & before.isNotNull(), "split").otherwise("merge")
    return periods.select(
        F.lit(kind).alias("identifier_kind"),
        F.col("subject").alias("identifier"),
        F.col("owner").alias("customer_id"),
        "status",
        "component_id",
        F.col("since").alias("valid_from"),
        F.col("until").alias("valid_to"),
        change.alias("change"),
    )
