"""What is published of a customer: each score beside the snapshot, null where no model told."""

from datetime import UTC, date, datetime

import pytest

from features.customers import customer_360, latest_people
from schemas.clean import CLEAN_CONSENT, CLEAN_CUSTOMERS
from schemas.feature import FEATURE_CUSTOMER
from schemas.score import CUSTOMER_360, SCORE_CHURN, SCORE_CLV, SCORE_EMBEDDING, SCORE_RFM

D = date(2024, 3, 31)


@pytest.fixture
def publish(frame):
    """`publish(snapshot rows, rfm=rows, …)`: {customer: row} of `customer_360`."""

    def make(*snapshot, rfm=(), embedding=(), churn=(), clv=(), people=(), consents=()):
        given = (
            (FEATURE_CUSTOMER, snapshot),
            (SCORE_RFM, rfm),
            (SCORE_EMBEDDING, embedding),
            (SCORE_CHURN, churn),
            (SCORE_CLV, clv),
        )
        frames = [frame(table, *({"as_of_date": D, **row} for row in rows)) for table, rows in given]
        return customer_360(*frames, people=frame(CLEAN_CUSTOMERS, *people), consents=frame(CLEAN_CONSENT, *consents))

    return make


BUYER, GUEST = {"customer_id": "buyer", "recency_days": 3}, {"customer_id": "guest"}


def test_who_never_ordered_is_no_orders_and_a_buyer_without_a_model_has_no_segment(publish, assert_rows):
    published = publish(BUYER, GUEST)
    assert_rows(published, None, CUSTOMER_360)
    assert {row.customer_id: row.segment for row in published.collect()} == {"buyer": None, "guest": "no_orders"}


def test_without_a_model_the_embedding_is_null(publish):
    scored = [{"customer_id": "buyer", "embedding": [0.5]}]
    found = {row.customer_id: row.embedding for row in publish(BUYER, GUEST, embedding=scored).collect()}
    assert found == {"buyer": [0.5], "guest": None}


def test_the_models_behind_a_row_are_told_without_those_that_gave_nothing(publish):
    rfm, clv = ([{"customer_id": "buyer", "model_version": version}] for version in ("rfm-2", "clv-3"))
    found = {row.customer_id: row.models for row in publish(BUYER, GUEST, rfm=rfm, clv=clv).collect()}
    assert found == {"buyer": "rfm-2, clv-3", "guest": None}


def test_of_a_persons_versions_the_latest_event_counts_then_the_latest_run(frame):
    early, late = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
    versions = [
        {"event_at": early, "ingest_date": D, "country": "ES"},
        {"event_at": late, "ingest_date": date(2024, 3, 1), "country": "PT"},
        {"event_at": late, "ingest_date": date(2024, 3, 2), "country": "FR"},
    ]
    people = latest_people(frame(CLEAN_CUSTOMERS, *({"customer_id": "a", **row} for row in versions)))
    assert [row.country for row in people.collect()] == ["FR"]


def test_consent_to_marketing_is_published_and_no_other(publish):
    said = [
        {"customer_id": "buyer", "purpose": "marketing", "is_granted": True},
        {"customer_id": "guest", "purpose": "profiling", "is_granted": True},
    ]
    found = {row.customer_id: row.has_marketing_consent for row in publish(BUYER, GUEST, consents=said).collect()}
    assert found == {"buyer": True, "guest": None}
