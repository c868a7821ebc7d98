"""Occurrences of ids: those of a window over all rows, at less cost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from features.duplicates import with_occurrence

IDS = st.lists(st.sampled_from(["a", "b", "c", "", "ä", None]), min_size=1, max_size=12)


@settings(max_examples=10, deadline=None)
@given(ids=IDS)
def test_occurrences_are_those_of_a_window_over_all_rows(spark, ids):
    rows = spark.createDataFrame(list(enumerate(ids)), "place int, id string")
    expected = rows.withColumn("_occurrence", F.row_number().over(Window.partitionBy("id").orderBy("place")))
    found = with_occurrence(rows, "id", "place")
    assert sorted(map(tuple, found.collect()), key=str) == sorted(map(tuple, expected.collect()), key=str)
    assert found.columns == expected.columns


def test_one_id_for_all_rows_counts_them_through(spark):
    rows = spark.createDataFrame([(place, "same") for place in range(4)], "place int, id string")
    found = with_occurrence(rows, "id", F.desc("place")).collect()
    assert {row.place: row._occurrence for row in found} == {3: 1, 2: 2, 1: 3, 0: 4}


def test_stored_rows_without_an_id_are_numbered_too(spark, tmp_path):
    """As rows of files that can't be read."""
    rows = spark.createDataFrame(
        [(place, None if place % 7 == 3 else f"id{place}") for place in range(40)], "place int, id string"
    )
    rows.write.parquet(str(tmp_path / "rows"))
    stored = spark.read.schema(rows.schema).parquet(str(tmp_path / "rows"))
    found = {row.place: row._occurrence for row in with_occurrence(stored, "id", "place").collect()}
    assert [found[place] for place in range(40) if place % 7 == 3] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("same", ["one", None])
def test_stored_rows_of_one_id_or_none_are_counted_through(same, spark, tmp_path):
    """A Delta table tells that a column is constant, and over constants Sail's xxhash64 panics."""
    rows = spark.createDataFrame([(place, same) for place in range(5)], "place int, id string")
    rows.write.format("delta").save(str(tmp_path / "rows"))
    stored = spark.read.format("delta").load(str(tmp_path / "rows"))
    assert sorted(row._occurrence for row in with_occurrence(stored, "id", "place").collect()) == [1, 2, 3, 4, 5]
