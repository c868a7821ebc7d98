"""RetailRocket: a shop of clicks without prices goes through its night all the same."""

from pathlib import Path

import pytest

from tests.reconcile.lakes import ask, assert_nothing_lost, bring_the_rest, night_after_history, value

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lake(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, spark: object) -> Path:
    folder = tmp_path_factory.mktemp("retailrocket") / "lake"
    bring_the_rest(folder, night_after_history("retailrocket", shared_data / "retailrocket", folder))
    return folder


def test_every_event_is_accounted_for(lake: Path) -> None:
    assert_nothing_lost(lake, {"clickstream": 2_598, "transactions": 33})
    assert value(lake, "SELECT count(DISTINCT visitor_id) FROM raw_clickstream") == 518


def test_the_night_is_published_without_prices(lake: Path) -> None:
    assert value(lake, "SELECT count(DISTINCT as_of_date) FROM customer_360") == 1
    assert value(lake, "SELECT count(*) FROM customer_360") == 517  # one visitor came after the last full day
    assert value(lake, "SELECT sum(net_revenue_lifetime) FROM customer_360") == 0


def test_what_the_shop_is_too_small_for_is_left_out_and_the_rest_is_there(lake: Path) -> None:
    assert value(lake, "SELECT count(*) FROM customer_360 WHERE embedding IS NULL OR cardinality(embedding) = 0") == 0
    assert value(lake, "SELECT count(*) FROM score_churn") == value(lake, "SELECT count(*) FROM score_clv") == 0
    assert value(lake, "SELECT count(*) FROM campaign_assignment") == 0


def test_buyers_have_a_segment_though_nothing_is_known_of_their_money(lake: Path) -> None:
    segments = ask(lake, "SELECT segment, count(*) AS n FROM customer_360 GROUP BY 1")
    assert {row["segment"] for row in segments} > {"no_orders"}
    buyers = "btyd_age IS NOT NULL AND as_of_date = (SELECT max(as_of_date) FROM customer_360)"
    ordered = value(lake, f"SELECT count(*) FROM feature_customer WHERE {buyers}")  # noqa: S608 - made here
    assert sum(row["n"] for row in segments if row["segment"] != "no_orders") == ordered
