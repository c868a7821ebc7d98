"""Publishing: all of a date or nothing, and never again."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from jobs.errors import GateRefusedError
from schemas.clean import CLEAN_CONSENT, CLEAN_CUSTOMERS
from schemas.feature import FEATURE_CUSTOMER
from schemas.ops import OPS_GATE
from schemas.score import CUSTOMER_360, SCORE_CHURN, SCORE_CLV, SCORE_EMBEDDING, SCORE_RFM

D0, D = date(2024, 3, 30), date(2024, 3, 31)
LAYERS = ("clean", "feature", "score")


@pytest.fixture
def give(make_run, frame):
    """`give(table, row, …)`: make these the table's rows of `day`."""

    def write(table, *rows: dict[str, Any], day: date = D) -> None:
        column = table.slice_column
        run = make_run(day)
        run.replace(frame(table, *({column: day, **row} for row in rows)), table)

    return write


def gates(give, **failed: bool) -> None:
    results = [{"layer": layer, "expectation": "e", "is_success": not failed.get(layer)} for layer in LAYERS]
    give(OPS_GATE, *results)


def published(make_run) -> dict[tuple[date, str], Any]:
    return {(row.as_of_date, row.customer_id): row for row in make_run(D).read(CUSTOMER_360).collect()}


def test_a_date_is_published_with_what_each_score_tells(give, make_run, run_job):
    gates(give)
    give(FEATURE_CUSTOMER, {"customer_id": "buyer", "recency_days": 3}, {"customer_id": "guest"})
    give(SCORE_RFM, {"customer_id": "buyer", "segment": "loyal", "model_version": "rfm-2"})
    give(SCORE_EMBEDDING, {"customer_id": "buyer", "embedding": [0.5, 1.0], "model_version": "embedding-1"})
    give(SCORE_CHURN, {"customer_id": "buyer", "churn_probability": 0.25, "model_version": "churn-7"})
    give(SCORE_CLV, {"customer_id": "buyer", "expected_net_revenue": 12.5, "model_version": "clv-3"})
    run_job("publish", D)
    rows = published(make_run)
    buyer, guest = rows[D, "buyer"], rows[D, "guest"]
    assert (buyer.segment, buyer.recency_days, buyer.embedding) == ("loyal", 3, [0.5, 1.0])
    assert (buyer.churn_probability, buyer.expected_net_revenue) == (0.25, 12.5)
    assert buyer.models == "rfm-2, embedding-1, churn-7, clv-3"
    assert (guest.segment, guest.churn_probability, guest.embedding, guest.models) == ("no_orders", None, None, None)


def test_publishing_a_date_leaves_the_earlier_dates_there(give, make_run, run_job):
    give(CUSTOMER_360, {"customer_id": "a", "segment": "loyal"}, day=D0)
    gates(give)
    give(FEATURE_CUSTOMER, {"customer_id": "a"})
    run_job("publish", D)
    assert sorted(published(make_run)) == [(D0, "a"), (D, "a")]


def test_a_published_date_stays_as_it_is(give, make_run, run_job):
    give(CUSTOMER_360, {"customer_id": "a", "segment": "loyal"})
    gates(give, clean=True)
    give(FEATURE_CUSTOMER, {"customer_id": "other"})
    run_job("publish", D)
    assert list(published(make_run)) == [(D, "a")]


def test_people_are_described_as_known_at_the_date(give, make_run, run_job):
    gates(give)
    give(FEATURE_CUSTOMER, {"customer_id": "a"})
    early, late = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
    give(CLEAN_CUSTOMERS, {"customer_id": "a", "event_at": late, "country": "PT"}, day=D0)
    give(CLEAN_CUSTOMERS, {"customer_id": "a", "event_at": early, "country": "ES"})
    give(CLEAN_CUSTOMERS, {"customer_id": "a", "event_at": late, "country": "FR"}, day=date(2024, 4, 1))
    run_job("publish", D)
    assert published(make_run)[D, "a"].country == "PT"


def test_consent_is_published_as_known_at_the_date(give, make_run, run_job):
    gates(give)
    give(FEATURE_CUSTOMER, {"customer_id": "a"}, {"customer_id": "b"})
    yes, no = ({"purpose": "marketing", "is_granted": answer, "event_date": D0} for answer in (True, False))
    early, late = datetime(2024, 3, 30, tzinfo=UTC), datetime(2024, 3, 31, tzinfo=UTC)
    give(CLEAN_CONSENT, {"customer_id": "a", "event_at": early} | yes, {"customer_id": "b", "event_at": early} | yes)
    give(CLEAN_CONSENT, {"customer_id": "b", "event_at": late} | no, day=D0)
    give(CLEAN_CONSENT, {"customer_id": "a", "event_at": late} | no, day=date(2024, 4, 1))
    run_job("publish", D)
    assert {key[1]: row.has_marketing_consent for key, row in published(make_run).items()} == {"a": True, "b": False}


@pytest.mark.parametrize("layer", LAYERS)
def test_one_failed_expectation_stands_against_publication(layer, give, make_run, run_job):
    gates(give, **{layer: True})
    give(FEATURE_CUSTOMER, {"customer_id": "a"})
    with pytest.raises(GateRefusedError, match=f"1 expectations failed, first table_name e; .* layer {layer} again"):
        run_job("publish", D)
    assert not published(make_run)


def test_a_gate_that_did_not_run_stands_against_publication(give, make_run, run_job):
    give(OPS_GATE, *({"layer": layer, "is_success": True} for layer in ("clean", "score")))
    give(FEATURE_CUSTOMER, {"customer_id": "a"})
    with pytest.raises(GateRefusedError, match="gate feature has not run"):
        run_job("publish", D)


def test_a_gate_of_another_date_does_not_count(give, make_run, run_job):
    give(OPS_GATE, *({"layer": layer, "is_success": True} for layer in LAYERS), day=D0)
    give(FEATURE_CUSTOMER, {"customer_id": "a"})
    with pytest.raises(GateRefusedError, match="has not run"):
        run_job("publish", D)


@pytest.mark.parametrize("table", [FEATURE_CUSTOMER, SCORE_CHURN], ids=lambda table: table.name)
def test_rows_doubled_after_their_gate_are_not_published(table, give, make_run, run_job):
    gates(give)
    give(FEATURE_CUSTOMER, {"customer_id": "a"}, {"customer_id": "b"})
    give(table, {"customer_id": "a"}, {"customer_id": "a"}, {"customer_id": "b"})
    with pytest.raises(GateRefusedError, match="1 customers have more than one row"):
        run_job("publish", D)
    assert not published(make_run)
