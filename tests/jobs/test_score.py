"""Scores: every customer of the snapshot, buyers alone where only buyers can be told, and never after publication."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow.compute as pc
import pytest

from jobs.errors import MissingInputError
from schemas.feature import FEATURE_CUSTOMER
from schemas.score import SCORE_CHURN, SCORE_CLV, SCORE_EMBEDDING, SCORE_RFM
from schemas.vectors import SCORE_CUSTOMER_VECTOR, SCORE_PRODUCT_PAIR, SCORE_PRODUCT_VECTOR
from tests.faults import shop

TABLES = (SCORE_RFM, SCORE_EMBEDDING, SCORE_CHURN, SCORE_CLV)


def of_night(lake: Path, table) -> list[dict]:
    rows = shop.stored(lake, table)
    return rows.filter(pc.field("as_of_date") == shop.NIGHT).to_pylist()


def test_every_customer_has_a_segment_and_an_embedding_and_buyers_the_rest(lake_at: Callable[[str], Path]):
    lake = lake_at("judged")
    snapshot = of_night(lake, FEATURE_CUSTOMER)
    everyone = {row["customer_id"] for row in snapshot}
    buyers = {row["customer_id"] for row in snapshot if row["btyd_age"] is not None}
    assert buyers < everyone
    for table, wanted in zip(TABLES, (everyone, everyone, buyers, buyers), strict=True):
        rows = of_night(lake, table)
        assert {row["customer_id"] for row in rows} == wanted
        assert len(rows) == len(wanted)


def test_scores_name_their_model_and_their_horizon(lake_at: Callable[[str], Path]):
    lake = lake_at("judged")
    for table, name in zip(TABLES, ("rfm", "embedding", "churn", "clv"), strict=True):
        assert {row["model_version"] for row in of_night(lake, table)} == {f"{name}-1"}
    assert {row["horizon_days"] for table in (SCORE_CHURN, SCORE_CLV) for row in of_night(lake, table)} == {30}


def test_reasons_are_given_where_something_raises_the_probability(lake_at: Callable[[str], Path]):
    rows = of_night(lake_at("judged"), SCORE_CHURN)
    features = {column.name for column in FEATURE_CUSTOMER.columns}
    named = [set(row["top_reasons"].split(", ")) for row in rows if row["top_reasons"]]
    assert named and all(reasons <= features and len(reasons) <= 3 for reasons in named)


def test_scores_of_a_published_date_stay(copy_of: Callable[[str], Path]):
    lake = copy_of("judged")
    shop.run(lake, ("publish",))
    before = {table.name: shop.stored(lake, table) for table in TABLES}
    shop.rewrite(lake, FEATURE_CUSTOMER, shop.stored(lake, FEATURE_CUSTOMER).slice(0, 10))
    shop.run(lake, ("score",))
    assert {table.name: shop.stored(lake, table) for table in TABLES} == before


def test_scoring_a_night_leaves_the_scores_of_the_night_before(lake_at: Callable[[str], Path]):
    for table in TABLES:
        assert set(shop.stored(lake_at("judged"), table)["as_of_date"].to_pylist()) == {shop.PUBLISHED, shop.NIGHT}


def test_a_date_without_a_snapshot_says_what_to_run(lake_at: Callable[[str], Path]):
    with pytest.raises(MissingInputError, match=r"run `python -m jobs.snapshot --as-of"):
        shop.run(lake_at("judged"), ("score",), shop.NIGHT + timedelta(days=1))


def test_a_shop_without_any_model_says_what_to_run(copy_of: Callable[[str], Path], tmp_path: Path):
    lake = copy_of("judged")
    (lake / "models").rename(tmp_path / "models")
    with pytest.raises(MissingInputError, match=r"no model is registered; run `python -m jobs.train`"):
        shop.run(lake, ("score",))


def test_a_model_that_could_not_be_trained_leaves_its_table_without_rows_of_the_date(
    copy_of: Callable[[str], Path], monkeypatch
):
    from jobs import score

    lake, real = copy_of("judged"), score.champion
    monkeypatch.setattr(
        score, "champion", lambda run, name, loader: None if name in ("churn", "btyd") else real(run, name, loader)
    )
    shop.run(lake, ("score",))
    assert not of_night(lake, SCORE_CHURN) and not of_night(lake, SCORE_CLV)
    assert of_night(lake, SCORE_RFM) and of_night(lake, SCORE_EMBEDDING)


def test_products_and_those_who_bought_some_have_vectors_of_one_model(lake_at: Callable[[str], Path]):
    lake = lake_at("judged")
    tables = (SCORE_PRODUCT_VECTOR, SCORE_CUSTOMER_VECTOR, SCORE_PRODUCT_PAIR)
    products, customers, pairs = (of_night(lake, table) for table in tables)
    assert {row["model_version"] for row in (*products, *customers, *pairs)} == {"product_vectors-1"}
    buyers = {row["customer_id"] for row in of_night(lake, FEATURE_CUSTOMER) if row["btyd_age"] is not None}
    assert {row["customer_id"] for row in customers} <= buyers
    assert len({len(row["vector"]) for row in (*products, *customers)}) == 1
