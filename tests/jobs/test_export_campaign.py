"""The campaign file: whole or not there, the contacted arm only, safe to open in a spreadsheet."""

import csv
import hashlib
import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jobs import export_campaign
from jobs.errors import MissingInputError
from jobs.pseudonyms import pseudonym
from jobs.settings import Settings
from schemas.campaign import CAMPAIGN_ASSIGNMENT
from schemas.clean import CLEAN_CONSENT
from schemas.identity import CLEAN_IDENTITY
from schemas.ops import OPS_ERASED_CUSTOMER
from schemas.score import CUSTOMER_360

D = date(2024, 3, 31)


@pytest.fixture
def consent(make_run, frame):
    """`consent(answer, customers, day, brought)`: what customers say to marketing, from noon of the day."""

    def write(is_granted: bool, *customers: str, day: date = D, brought: date | None = None) -> None:
        at = {"event_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC), "event_date": day}
        told = at | {"purpose": "marketing", "is_granted": is_granted, "ingest_date": brought or day}
        make_run(D).merge(frame(CLEAN_CONSENT, *({"customer_id": one} | told for one in customers)), CLEAN_CONSENT)

    return write


@pytest.fixture
def give_plan(make_run, frame, consent):
    """A plan of D, of customers who had agreed a day before."""

    def write(*rows: dict[str, Any]) -> None:
        consent(True, *(row["customer_id"] for row in rows), day=D - timedelta(days=1))
        plain = {"as_of_date": D, "campaign_id": "retention", "arm": "treatment"}
        given = [plain | {"priority_rank": rank} | row for rank, row in enumerate(rows, 1)]
        make_run(D).replace(frame(CAMPAIGN_ASSIGNMENT, *given), CAMPAIGN_ASSIGNMENT)

    return write


def folder(lake: Path) -> Path:
    return lake / "exports" / "retention" / str(D)


def contacts(lake: Path) -> list[dict[str, str]]:
    with (folder(lake) / "contacts.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_contacted_arm_alone_leaves_the_house_in_order(lake, give_plan, run_job):
    give_plan({"customer_id": "first"}, {"customer_id": "alone", "arm": "control"}, {"customer_id": "third"})
    run_job("export_campaign", D)
    assert [row["customer_id"] for row in contacts(lake)] == ["first", "third"]
    assert b"alone" not in b"".join(path.read_bytes() for path in folder(lake).iterdir())
    about = json.loads((folder(lake) / "manifest.json").read_text())
    assert (about["contact_count"], about["control_count"], about["as_of_date"]) == (2, 1, str(D))


def test_who_is_on_the_list_of_the_erased_is_not_contacted(lake, give_plan, run_job, make_run, frame):
    give_plan({"customer_id": "gone"}, {"customer_id": "stays"})
    refused = {"customer_hash": pseudonym("gone", b"key"), "erased_date": D, "identifier_kind": "customer_id"}
    make_run(D).merge(frame(OPS_ERASED_CUSTOMER, refused), OPS_ERASED_CUSTOMER)
    run_job("export_campaign", D, pseudonym_key="key")
    assert [row["customer_id"] for row in contacts(lake)] == ["stays"]


def test_a_customer_without_a_segment_has_an_empty_cell(lake, give_plan, run_job):
    give_plan({"customer_id": "a", "segment": None})
    run_job("export_campaign", D)
    assert [row["segment"] for row in contacts(lake)] == [""]


def test_the_manifest_tells_size_and_hash_of_the_file(lake, give_plan, run_job):
    give_plan({"customer_id": "Zoë, the 2nd"})
    run_job("export_campaign", D)
    data = (folder(lake) / "contacts.csv").read_bytes()
    about = json.loads((folder(lake) / "manifest.json").read_text())["files"]
    assert about == {"contacts.csv": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}}
    assert contacts(lake)[0]["customer_id"] == "Zoë, the 2nd"


def test_the_manifest_tells_the_horizons_of_the_scores_and_the_licence(lake, give_plan, run_job, make_run, frame):
    give_plan({"customer_id": "a"})
    scored = {"as_of_date": D, "churn_horizon_days": 56, "clv_horizon_days": 30}
    make_run(D).replace(frame(CUSTOMER_360, scored, {"as_of_date": D, "customer_id": "b"}), CUSTOMER_360)
    run_job("export_campaign", D, churn_horizon_days=90, licence="CC-BY-NC-SA-4.0")
    about = json.loads((folder(lake) / "manifest.json").read_text())
    assert (about["churn_horizon_days"], about["clv_horizon_days"]) == (56, 30)
    assert about["licence"] == "CC-BY-NC-SA-4.0"


def test_the_manifest_counts_every_customer_once_and_says_why_he_is_left_out(
    lake, give_plan, consent, run_job, make_run, frame
):
    give_plan({"customer_id": "chosen"}, {"customer_id": "alone", "arm": "control"}, {"customer_id": "left"})
    consent(False, "left")
    scored = {"as_of_date": D, "churn_probability": 0.5, "expected_net_revenue": 1, "has_marketing_consent": True}
    people = [
        scored | {"customer_id": name} for name in ("chosen", "alone", "left", "before", "behind", "next", "later")
    ]
    people += [
        scored | {"customer_id": "valueless", "expected_net_revenue": None},
        scored | {"customer_id": "no", "has_marketing_consent": False, "churn_probability": 0.3},
        scored | {"customer_id": "safe", "has_marketing_consent": None, "churn_probability": 0.2},
    ]
    make_run(D).replace(frame(CUSTOMER_360, *people), CUSTOMER_360)
    for name, days in (("before", -30), ("behind", -31), ("next", 1), ("later", 30)):
        day = D + timedelta(days=days)
        row = {"as_of_date": day, "campaign_id": "retention", "customer_id": name, "arm": "control"}
        make_run(day).replace(frame(CAMPAIGN_ASSIGNMENT, row), CAMPAIGN_ASSIGNMENT)
    run_job("export_campaign", D, campaign_minimum_churn=0.3, campaign_window_days=30)
    about = json.loads((folder(lake) / "manifest.json").read_text())
    assert [about[f"{name}_count"] for name in ("contact", "control", "withdrawn")] == [1, 1, 1]
    told = {"no_score": 1, "below_minimum_churn": 1, "no_consent": 1, "planned_before": 1, "beyond_size": 3}
    assert about["left_out"] == told
    assert set(about["left_out_meanings"]) == set(told)
    assert about["why_empty"] is None


def test_the_manifest_says_horizons_of_columns_in_days_and_that_ranks_have_holes(
    lake, give_plan, run_job, make_run, frame
):
    give_plan({"customer_id": "a"})
    scored = {"as_of_date": D, "churn_horizon_days": 56, "clv_horizon_days": 30}
    make_run(D).replace(frame(CUSTOMER_360, scored), CUSTOMER_360)
    run_job("export_campaign", D)
    meanings = json.loads((folder(lake) / "manifest.json").read_text())["meanings"]
    assert "56 days" in meanings["churn_probability"]
    assert "30 days if he stays" in meanings["value_at_risk"]
    assert "numbers are missing" in meanings["priority_rank"]


@pytest.mark.parametrize(
    ("customer", "settings", "why"),
    [
        (
            {},
            {"first_date": D - timedelta(days=9)},
            "a CLV score yet; the history is 10 days long, training them needs 209",
        ),
        ({}, {"first_date": D - timedelta(days=208)}, "the history of 209 days is long enough: train the models"),
        ({}, {}, "training them needs 209 days of history"),
        ({}, {"has_prices": False}, "the data have no prices"),
        (
            {"churn_probability": 0.5, "expected_net_revenue": 1},
            {},
            "nobody to contact of 1 customers: 1 without consent to marketing",
        ),
    ],
)
def test_an_empty_file_says_why_in_log_and_manifest(customer, settings, why, lake, make_run, frame, run_job, caplog):
    make_run(D).replace(frame(CUSTOMER_360, {"as_of_date": D, "customer_id": "a"} | customer), CUSTOMER_360)
    with caplog.at_level("WARNING", "nightjar"):
        run_job("plan_campaign", D, **settings)
        run_job("export_campaign", D, **settings)
    assert [why in line for line in caplog.messages] == [True, True]
    assert why in json.loads((folder(lake) / "manifest.json").read_text())["why_empty"]
    assert contacts(lake) == []


def test_a_file_whose_contacts_all_took_the_consent_back_says_so(lake, give_plan, consent, run_job, make_run, frame):
    give_plan({"customer_id": "a"})
    consent(False, "a")
    make_run(D).replace(frame(CUSTOMER_360, {"as_of_date": D, "customer_id": "a"}), CUSTOMER_360)
    run_job("export_campaign", D)
    why = json.loads((folder(lake) / "manifest.json").read_text())["why_empty"]
    assert why == "nobody to contact of 1 customers: 1 who took the consent back since the plan"


def test_who_took_the_consent_back_after_the_plan_is_not_contacted(lake, give_plan, consent, run_job):
    give_plan({"customer_id": "stays"}, {"customer_id": "left"}, {"customer_id": "alone", "arm": "control"})
    consent(False, "left", day=D + timedelta(days=2))  # a later night brought it; then the export runs again
    run_job("export_campaign", D)
    assert [row["customer_id"] for row in contacts(lake)] == ["stays"]
    about = json.loads((folder(lake) / "manifest.json").read_text())
    assert (about["contact_count"], about["control_count"], about["withdrawn_count"]) == (1, 1, 1)


def test_a_consent_that_begins_after_the_plan_does_not_undo_one_taken_back(lake, give_plan, consent, run_job):
    give_plan({"customer_id": "stays"}, {"customer_id": "left"})
    consent(True, "left", day=D + timedelta(days=1), brought=D)  # within what clocks may be off
    consent(False, "left", day=D, brought=D + timedelta(days=1))
    run_job("export_campaign", D)
    assert [row["customer_id"] for row in contacts(lake)] == ["stays"]


def test_a_consent_taken_back_on_one_account_holds_for_the_persons_other_account(
    lake, give_plan, consent, make_run, frame, run_job
):
    give_plan({"customer_id": "first"}, {"customer_id": "other"})
    one = {"identifier_kind": "customer", "customer_id": "first", "valid_from": D, "ingest_date": D}
    known = [one | {"identifier": account} for account in ("first", "second")]
    make_run(D).merge(frame(CLEAN_IDENTITY, *known), CLEAN_IDENTITY)
    consent(False, "second", day=D + timedelta(days=1))
    run_job("export_campaign", D)
    assert [row["customer_id"] for row in contacts(lake)] == ["other"]


def test_who_never_agreed_is_contacted_only_where_no_consent_is_required(lake, give_plan, make_run, run_job):
    give_plan({"customer_id": "a"})
    make_run(D).delete(CLEAN_CONSENT, "true")
    run_job("export_campaign", D)
    assert contacts(lake) == []
    run_job("export_campaign", D, consent_required=False)
    assert [row["customer_id"] for row in contacts(lake)] == ["a"]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", " =", "\u00a0@", "\uff1d", "\uff0b", "\ufe63", "\u200b="])
def test_a_value_that_a_spreadsheet_would_run_is_made_text(sign, lake, give_plan, run_job):
    evil = f'{sign}HYPERLINK("http://example.org";A1)'
    give_plan({"customer_id": evil}, {"customer_id": f"plain{evil}"})
    run_job("export_campaign", D)
    assert [row["customer_id"] for row in contacts(lake)] == [f"'{evil}", f"plain{evil}"]
    lines = (folder(lake) / "contacts.csv").read_text().splitlines()
    assert all(line.startswith('"') for line in lines[1:]), "a program that cuts at semicolons sees one cell"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\t", "\x00", "\x0b", "\u2028"])
def test_a_value_never_ends_its_line(end, lake, give_plan, run_job):
    give_plan({"customer_id": f"a{end}=1"}, {"customer_id": f"{end}a"})
    run_job("export_campaign", D)
    assert [row["customer_id"].replace("  ", " ") for row in contacts(lake)] == ["a =1", "' a"]
    assert len((folder(lake) / "contacts.csv").read_bytes().splitlines()) == 3


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "a\n", "/x", "A", "", "a b", ".hidden", "a\x00"])
def test_a_campaigns_id_is_no_path(name):
    with pytest.raises(ValidationError):
        Settings(campaign_id=name)


def test_a_rerun_writes_the_same_bytes(lake, give_plan, run_job):
    give_plan({"customer_id": "a", "churn_probability": 1 / 3})
    run_job("export_campaign", D)
    before = {path.name: path.read_bytes() for path in folder(lake).iterdir()}
    run_job("export_campaign", D)
    assert {path.name: path.read_bytes() for path in folder(lake).iterdir()} == before
    assert contacts(lake)[0]["churn_probability"] == "0.3333"


@pytest.mark.parametrize("fails_at", [1, 2, 3])
def test_a_run_that_dies_on_the_way_shows_no_half_a_folder_and_a_rerun_leaves_no_trace(
    fails_at, lake, give_plan, run_job, monkeypatch
):
    give_plan({"customer_id": "a"})
    run_job("export_campaign", D)  # there is one to replace
    calls = 0

    def dying(*places: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise KeyboardInterrupt
        real(*places)

    real = os.replace
    with monkeypatch.context() as patched:
        patched.setattr(export_campaign.os, "replace", dying)
        if fails_at < 3:
            with pytest.raises(KeyboardInterrupt):
                run_job("export_campaign", D)
        else:
            run_job("export_campaign", D)
    assert all(path.name.startswith(".") or len(list(path.iterdir())) == 2 for path in folder(lake).parent.iterdir())
    run_job("export_campaign", D)
    assert [path.name for path in folder(lake).parent.iterdir()] == [str(D)]


def test_a_date_without_a_plan_says_what_to_do(lake, run_job):
    with pytest.raises(MissingInputError, match=r"run `python -m jobs.plan_campaign` first"):
        run_job("export_campaign", D)
    assert not folder(lake).exists()
