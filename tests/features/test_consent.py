"""What holds of a consent: the newest change known, for its purpose, and a no where both were said at once."""

from datetime import UTC, date, datetime

import pytest

from features.consent import clean_consent, known_consent, newest_consent
from schemas.clean import CLEAN_CONSENT
from schemas.raw import RAW_CUSTOMERS

D1, D2, D3 = date(2024, 3, 1), date(2024, 3, 2), date(2024, 3, 3)


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def said(is_granted: bool, day: date = D1, brought: date | None = None, **more) -> dict:
    facts = {"customer_id": "a", "purpose": "marketing", "is_granted": is_granted}
    return facts | {"event_at": at(day), "event_date": day, "ingest_date": brought or day} | more


@pytest.fixture
def held(frame):
    """`held(changes, …)`: {customer: answer} to marketing."""

    def find(*changes: dict, persons=None) -> dict[str, bool]:
        rows = newest_consent(frame(CLEAN_CONSENT, *changes), "marketing", persons).collect()
        return {row.customer_id: row.is_granted for row in rows}

    return find


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ([said(True, D1), said(False, D2)], {"a": False}),
        ([said(False, D1), said(True, D2)], {"a": True}),
        ([said(False, D2, brought=D2), said(True, D1, brought=D3)], {"a": False}),
        ([said(True, D1, brought=D1), said(False, D1, brought=D2)], {"a": False}),
        ([said(True, D1, brought=D2), said(False, D1, brought=D1)], {"a": False}),
        ([said(True, purpose="profiling")], {}),
        ([said(True), said(False, D2, purpose="profiling"), said(False, customer_id="b")], {"a": True, "b": False}),
    ],
    ids=["revoked", "granted again", "late grant", "same moment", "same moment turned", "other purpose", "others"],
)
def test_the_newest_change_holds_and_a_no_wins_a_tie(held, changes, answer):
    assert held(*changes) == answer


@pytest.mark.parametrize(
    ("of_a", "of_b", "answer"),
    [
        ([said(True, D1)], [said(False, D2)], False),
        ([said(False, D1)], [said(True, D2)], False),
        ([said(False, D1), said(True, D2)], [said(True, D1)], True),
        ([], [said(True, D1)], True),
    ],
    ids=["no after a yes", "no before another's yes", "no taken back", "yes alone"],
)
def test_a_no_on_any_account_of_a_person_holds_for_all_until_it_is_taken_back(held, spark, of_a, of_b, answer):
    persons = spark.createDataFrame([("a", "p"), ("b", "p"), ("mute", "p")], "customer_id string, person_id string")
    changes = [*of_a, *(change | {"customer_id": "b"} for change in of_b), said(True, customer_id="other")]
    assert held(*changes, persons=persons) == {"a": answer, "b": answer, "mute": answer, "other": True}


def test_only_what_was_known_counts_and_a_consent_begins_on_its_day_but_ends_at_once(frame):
    changes = [
        said(True, D1, customer_id="known"),
        said(True, D1, brought=D2, customer_id="known later"),
        said(True, D2, brought=D1, customer_id="begins tomorrow"),
        said(False, D2, brought=D1, customer_id="ends tomorrow"),
    ]
    known = known_consent(frame(CLEAN_CONSENT, *changes), D1).collect()
    assert sorted(row.customer_id for row in known) == ["ends tomorrow", "known"]


def test_a_source_speaks_by_purpose_or_by_one_column_and_a_no_of_the_same_moment_stays(frame, assert_rows):
    plain = {"event_at": at(D1), "event_date": D1, "ingest_date": D1}
    told = [
        {"customer_id": "one column", "has_marketing_consent": True},
        {"customer_id": "purpose", "consent_purpose": "Marketing", "consent_status": "revoked"},
        {"customer_id": "both", "has_marketing_consent": True},
        {"customer_id": "both", "consent_purpose": "marketing", "consent_status": "revoked"},
        {"customer_id": "other", "consent_purpose": "profiling", "consent_status": "granted"},
        {"customer_id": "nothing"},
    ]
    rows = [plain | {"event_id": str(number)} | row for number, row in enumerate(told)]
    answers = (("one column", "marketing", True), ("purpose", "marketing", False), ("both", "marketing", False))
    expected = [(*answer,) for answer in (*answers, ("other", "profiling", True))]
    assert_rows(
        clean_consent(frame(RAW_CUSTOMERS, *rows)),
        [plain | {"customer_id": who, "purpose": purpose, "is_granted": yes} for who, purpose, yes in expected],
        CLEAN_CONSENT,
    )
