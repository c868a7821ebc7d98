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
from jobs.settings import Settings
from schemas.campaign import CAMPAIGN_ASSIGNMENT
from schemas.clean import CLEAN_CONSENT
from schemas.identity import CLEAN_IDENTITY
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


def test_who_took_the_consent_back_after_the_plan_is_not_contacted(lake, give_plan, consent, run_job):
    give_plan({"customer_id": "stays"}, {"customer_id": "left"}, {"customer_id": "alone", "arm": "control"})
    consent(False, "left", day=D + timedelta(days=2))  # a later night brought it; then the export runs again
    run_job("export_campaign", D)
    assert [row["customer_id"] for row in contacts(lake)] == ["stays"]
    about = json.loads((folder(lake) / "manifest.json").read_text())
    assert (about["contact_count"], about["control_count"], about["withdrawn_count"]) == (1, 1, 1)


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
