"""Gates: what is expected by contract, what is kept of a judgement. Broken tables are in tests/faults."""

import json
from datetime import date
from typing import Any

import pytest

from jobs import gate
from jobs.errors import ContractError, GateRefusedError, MissingInputError
from schemas.clean import CLEAN_CONSENT, CLEAN_REVIEWS
from schemas.contract import NotNull
from schemas.ops import OPS_GATE, OPS_RUN
from schemas.raw import RAW_QUARANTINE
from schemas.score import CUSTOMER_360, SCORE_CLV

D = date(2024, 3, 29)


def test_every_rule_of_a_contract_becomes_an_expectation():
    rules = sum(len(column.constraints) for column in CLEAN_REVIEWS.columns)
    assert len(CLEAN_REVIEWS.expectations()) == 1 + rules + 1  # columns, rules, key
    assert any(isinstance(rule, NotNull) for column in CLEAN_REVIEWS.columns for rule in column.constraints)


def refusals(make_run, *counts: tuple[int, int]) -> list[gate.Result]:
    run = make_run(D, maximum_refused_share=0.05)
    rows = [(D, f"source{n}", 1, rows, rows - bad, 0, bad, False, None, None) for n, (rows, bad) in enumerate(counts)]
    run.replace(run.spark.createDataFrame(rows, OPS_RUN.struct), OPS_RUN)
    return gate.refused_shares(run)


def test_a_share_of_refused_rows_up_to_the_limit_passes_for_each_source_by_itself(make_run):
    assert [one.is_success for one in refusals(make_run, (100, 5), (100, 6), (0, 0))] == [True, False, True]


def test_a_file_that_could_not_be_read_fails_its_source_however_few_rows_were_refused(make_run, frame):
    run = make_run(D)
    counts = [(D, source, 1, 100, 99, 0, 1, False, None, None) for source in ("customers", "transactions")]
    run.replace(run.spark.createDataFrame(counts, OPS_RUN.struct), OPS_RUN)
    bad = {"ingest_date": D, "source": "customers", "source_file": "customers/dt=2024-03-29/a.csv", "source_line": 0}
    run.replace(frame(RAW_QUARANTINE, bad, bad | {"source": "transactions", "source_line": 1}), RAW_QUARANTINE)
    found = gate.unreadable_files(run)
    assert [(one.expectation, one.is_success) for one in found] == [
        ("no unreadable file of customers", False),
        ("no unreadable file of transactions", True),
    ]
    assert "a.csv" in found[0].observed


def test_consents_that_a_published_date_knew_of_may_not_all_be_gone(make_run, frame):
    run = make_run(D)
    assert gate.kept_consents(run).is_success
    run.replace(frame(CUSTOMER_360, {"as_of_date": D, "has_marketing_consent": True}), CUSTOMER_360)
    assert not gate.kept_consents(run).is_success
    run.merge(frame(CLEAN_CONSENT, {"customer_id": "a"}), CLEAN_CONSENT)
    assert gate.kept_consents(run).is_success


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e13, -1.0])
def test_a_value_that_is_no_finite_number_breaks_the_contract_of_a_score(value, make_run, frame):
    run = make_run(D)
    with pytest.raises(ContractError, match="expected_net_revenue must be from 0 to 1,000,000,000,000"):
        run.replace(frame(SCORE_CLV, {"as_of_date": D, "expected_net_revenue": value}), SCORE_CLV)


def test_failing_rows_are_named_by_their_key_and_a_rerun_replaces_them(make_run, frame, run_job):
    def give_reviews(**bad: Any) -> None:
        rows = [{"review_id": "good", "ingest_date": D, "event_date": D}]
        rows += [{"review_id": "bad", "ingest_date": D, "event_date": D, **bad}]
        # Straight to the files: the job's own write would refuse such a row.
        make_run(D).ensure(CLEAN_REVIEWS)
        frame(CLEAN_REVIEWS, *rows).write.format("delta").mode("overwrite").save(str(make_run(D).path(CLEAN_REVIEWS)))

    def failed() -> list[Any]:
        results = make_run(D).read(OPS_GATE).collect()
        assert len({(row.layer, row.table_name, row.expectation) for row in results}) == len(results)
        return [row for row in results if not row.is_success]

    give_reviews(sentiment_score=1.5)
    with pytest.raises(GateRefusedError, match="clean_reviews expect_column_values_to_be_between"):
        run_job("gate", D, None, "--layer", "clean")
    (row,) = failed()
    assert json.loads(row.observed)["unexpected_count"] == 1
    assert "bad" in row.observed and "good" not in row.observed
    give_reviews(sentiment_score=1.0)
    run_job("gate", D, None, "--layer", "clean")
    assert not failed()


def test_a_layer_without_tables_says_what_to_run(run_job):
    with pytest.raises(MissingInputError, match="no table of layer feature exists"):
        run_job("gate", D, None, "--layer", "feature")


def test_a_later_gate_starts_without_the_file_that_great_expectations_would_warn_of(tmp_path):
    left = tmp_path / "uncommitted" / "config_variables.yml"
    left.parent.mkdir()
    left.touch()
    gate.forget_definitions(tmp_path)
    assert not left.exists()
