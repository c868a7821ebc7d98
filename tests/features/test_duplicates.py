"""Rows that repeat an id: those of a window over all rows, at less cost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from features.duplicates import repeats

IDS = st.lists(st.sampled_from(["a", "b", "c", "", "ä", None]), min_size=1, max_size=12)


@settings(max_examples=10, deadline=None)
@given(ids=IDS)
def test_repeats_are_those_of_a_window_over_all_rows(spark, ids):
    rows = spark.createDataFrame(list(enumerate(ids)), "place int, id string")
    placed = rows.withColumn("_place", F.row_number().over(Window.partitionBy("id").orderBy("place")))
    expected = placed.filter("_place > 1").drop("_place")
    found = repeats(rows, "id", "place")
    assert sorted(map(tuple, found.collect()), key=str) == sorted(map(tuple, expected.collect()), key=str)
    assert found.columns == expected.columns


def test_of_one_id_for_all_rows_only_the_first_in_order_is_none(spark):
    rows = spark.createDataFrame([(place, "same") for place in range(4)], "place int, id string")
    assert {row.place for row in repeats(rows, "id", F.desc("place")).collect()} == {0, 1, 2}


def test_stored_rows_without_an_id_are_repeats_too(spark, tmp_path):
    rows = spark.createDataFrame(
        [(place, None if place % 7 == 3 else f"id{place}") for place in range(40)], "place int, id string"
    )
    rows.write.parquet(str(tmp_path / "rows"))
    stored = spark.read.schema(rows.schema).parquet(str(tmp_path / "rows"))
    assert {row.place for row in repeats(stored, "id", "place").collect()} == {10, 17, 24, 31, 38}


@pytest.mark.parametrize("same", ["one", None])
def test_stored_rows_of_one_id_or_none_are_repeats_but_for_the_first(same, spark, tmp_path):
    """A Delta table tells that a column is constant, and over constants Sail's xxhash64 panics."""
    rows = spark.createDataFrame([(place, same) for place in range(5)], "place int, id string")
    rows.write.format("delta").save(str(tmp_path / "rows"))
    stored = spark.read.format("delta").load(str(tmp_path / "rows"))
    assert {row.place for row in repeats(stored, "id", "place").collect()} == {1, 2, 3, 4}
