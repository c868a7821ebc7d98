"""Which rows repeat the id of another row.

A window over every row holds them all in memory and sorts them (5 million: out of 16 GB on Sail 0.7.2). Ids that occur
once need none: a count by checksum sets aside the few that may occur twice, and only those are put in order.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window


def repeats(rows: DataFrame, name: str, *order: str | Column) -> DataFrame:
    """The rows whose `name` another row before them has, in the order given; of those without one, all but the first.

    `order` must leave no tie. Rows are read twice, so they should be stored ones.
    """
    # Two ids of one checksum only cost a place in the window. (Not xxhash64: Sail 0.7.2 panics over a stored column of
    # one value or of nulls alone.)
    hashed = rows.withColumn("_hash", F.coalesce(F.crc32(name), F.lit(0)))
    repeated = F.broadcast(hashed.groupBy("_hash").count().filter("count > 1").select("_hash"))
    by_id = Window.partitionBy(name).orderBy(*order)
    again = hashed.join(repeated, "_hash", "left_semi").withColumn("_place", F.row_number().over(by_id))
    return again.filter("_place > 1").drop("_hash", "_place")
