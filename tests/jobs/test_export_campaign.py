"""The campaign file: whole or not there, the contacted arm only, safe to open in a spreadsheet."""

import csv
import hashlib
import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from jobs import export_campaign
from jobs.errors import MissingInputError
from schemas.campaign import CAMPAIGN_ASSIGNMENT
from schemas.score import CUSTOMER_360

D = date(2024, 3, 31)


@pytest.fixture
def give_plan(make_run, frame):
    def write(*rows: dict[str, Any]) -> None:
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


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_a_value_that_a_spreadsheet_would_run_is_made_text(sign, lake, give_plan, run_job):
    evil = f"{sign}HYPERLINK(A1)"
    give_plan({"customer_id": evil})
    run_job("export_campaign", D)
    assert contacts(lake)[0]["customer_id"] == f"'{evil}"


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
