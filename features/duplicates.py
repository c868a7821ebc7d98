"""Which rows repeat the id of another row.

A window over every row holds them all in memory and sorts them (5 million: out of 16 GB on Sail 0.7.2). Ids that occur
once need none: a count by checksum sets aside the few that may occur twice, and only those are put in order.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window


def with_occurrence(rows: DataFrame, name: str, *order: str | Column) -> DataFrame:
    """`rows` with `_occurrence`: 1 for the first row of its `name` in the order given, then 2, 3 …

    `order` must leave no tie. Rows are read three times, so they should be stored ones.
    """
    # Two ids of one checksum only cost a place in the window. (Not xxhash64: Sail 0.7.2 panics over a stored column of
    # one value or of nulls alone.)
    hashed = rows.withColumn("_hash", F.coalesce(F.crc32(name), F.lit(0)))
    repeated = F.broadcast(hashed.groupBy("_hash").count().filter("count > 1").select("_hash"))
    by_id = Window.partitionBy(name).orderBy(*order)
    once = hashed.join(repeated, "_hash", "left_anti").withColumn("_occurrence", F.lit(1))
    again = hashed.join(repeated, "_hash", "left_semi").withColumn("_occurrence", F.row_number().over(by_id))
    return once.unionByName(again).drop("_hash")
