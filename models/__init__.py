"""The mathematics: arrays and pandas in, arrays and pandas out; no Spark, no tables."""
