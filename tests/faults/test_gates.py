"""Each gate broken on purpose: nothing of the night is published, and the run tells what stands against it."""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import write_deltalake

from jobs.errors import GateRefusedError, MissingInputError
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES
from schemas.contract import Table
from schemas.feature import FEATURE_CUSTOMER
from schemas.ops import OPS_GATE, OPS_RUN
from schemas.raw import RAW_QUARANTINE
from schemas.score import SCORE_CHURN, SCORE_CLV, SCORE_EMBEDDING, SCORE_RFM
from tests.faults.shop import (
    CAMPAIGN,
    NIGHT,
    NIGHTLY,
    PUBLISHED,
    REPOSITORY,
    command,
    environment,
    export_folders,
    published_dates,
    rewrite,
    run,
    run_all,
    stored,
)

Copy = Callable[[str], Path]
GATES = {layer: ("gate", "--layer", layer) for layer in ("clean", "feature", "score")}


def failures(lake: Path, layer: str) -> list[dict[str, str]]:
    """What ops_gate keeps of the night's failed expectations."""
    rows = stored(lake, OPS_GATE).to_pylist()
    return [row for row in rows if row["as_of_date"] == NIGHT and row["layer"] == layer and not row["is_success"]]


def of_night(table: Table, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """(the night's rows, the others)."""
    is_night = pc.equal(rows[str(table.slice_column)], pa.scalar(NIGHT))
    return rows.filter(is_night), rows.filter(pc.invert(is_night))


def change_night(lake: Path, table: Table, change: Callable[[pa.Table], pa.Table]) -> None:
    night, others = of_night(table, stored(lake, table))
    rewrite(lake, table, pa.concat_tables([others, change(night)]))


def assert_refused(lake: Path, layer: str, table: Table, expectation: str) -> list[dict[str, str]]:
    """The gate refuses for that reason, publish and all that follows refuse, and readers still see yesterday."""
    with pytest.raises(GateRefusedError) as refused:
        run(lake, GATES[layer])
    assert refused.value.exit_code == 4
    found = [one for one in failures(lake, layer) if one["table_name"] == table.name]
    assert any(one["expectation"].startswith(expectation) for one in found), failures(lake, layer)
    assert_not_published(lake)
    return [one for one in found if one["expectation"].startswith(expectation)]


def assert_not_published(lake: Path) -> None:
    with pytest.raises(GateRefusedError, match="is not published"):
        run(lake, ("publish",))
    with pytest.raises(GateRefusedError, match="planned from published dates only"):
        run(lake, ("plan_campaign",))
    with pytest.raises(MissingInputError, match="has no plan"):
        run(lake, ("export_campaign",))
    assert published_dates(lake) == {PUBLISHED}
    assert export_folders(lake) == [str(PUBLISHED)]


def test_a_night_whose_gates_passed_is_published(copy_of: Copy) -> None:
    lake = copy_of("judged")
    run_all(lake, NIGHTLY[8:12])
    assert published_dates(lake) == {PUBLISHED, NIGHT}
    assert export_folders(lake) == [str(PUBLISHED), str(NIGHT)]


@pytest.mark.parametrize(
    ("layer", "table", "column"),
    [
        ("clean", CLEAN_ORDER_LINES, "discount_amount"),
        ("feature", FEATURE_CUSTOMER, "net_revenue_90d"),
        ("score", SCORE_CHURN, "churn_probability"),
    ],
)
def test_a_column_gone_stops_publication(copy_of: Copy, layer: str, table: Table, column: str) -> None:
    lake = copy_of("judged")
    rewrite(lake, table, stored(lake, table).drop_columns([column]))
    (failed,) = assert_refused(lake, layer, table, "expect_table_columns_to_match_set")
    assert column in failed["expectation"]
    assert json.loads(failed["observed"])["missing"] == [column]


def test_the_column_gone_that_a_night_is_cut_out_by_stops_publication(copy_of: Copy) -> None:
    lake = copy_of("judged")
    rows = stored(lake, SCORE_CLV).drop_columns(["as_of_date"])
    shutil.rmtree(lake / SCORE_CLV.name)  # a partition column can't be taken from a table that is there
    write_deltalake(str(lake / SCORE_CLV.name), rows)
    assert_refused(lake, "score", SCORE_CLV, "expect_table_columns_to_match_set")


def test_negative_prices_in_a_clean_table_stop_publication_and_are_named(copy_of: Copy) -> None:
    lake = copy_of("judged")
    sold = stored(lake, CLEAN_ORDER_LINES).to_pylist()
    bad = next(row for row in sold if row["ingest_date"] == NIGHT and row["line_type"] == "sale")
    bad["net_amount"] = Decimal("-1.0000")
    rewrite(lake, CLEAN_ORDER_LINES, pa.Table.from_pylist(sold, stored(lake, CLEAN_ORDER_LINES).schema))
    (failed,) = assert_refused(lake, "clean", CLEAN_ORDER_LINES, "expect_column_values_to_be_in_set")
    assert "a sale must not have a negative amount" in failed["expectation"]
    assert bad["line_id"] in failed["observed"]


@pytest.mark.parametrize("table", [CLEAN_ORDER_LINES, CLEAN_EVENTS], ids=lambda table: table.name)
def test_half_the_rows_missing_stop_publication(copy_of: Copy, table: Table) -> None:
    lake = copy_of("judged")
    change_night(lake, table, lambda night: night.slice(0, night.num_rows // 2))
    assert_refused(lake, "clean", table, "expect_table_row_count_to_be_between")


def test_a_date_in_the_future_stops_publication(copy_of: Copy) -> None:
    lake = copy_of("judged")

    def a_year_on(night: pa.Table) -> pa.Table:
        days = night["event_date"].to_pylist()
        days[0] = NIGHT + timedelta(days=365)
        return night.set_column(night.schema.get_field_index("event_date"), "event_date", pa.array(days, pa.date32()))

    change_night(lake, CLEAN_ORDER_LINES, a_year_on)
    (failed,) = assert_refused(lake, "clean", CLEAN_ORDER_LINES, "expect_column_values_to_be_between")
    assert str(NIGHT + timedelta(days=365)) in failed["observed"]


@pytest.mark.parametrize(
    ("layer", "table"),
    [("clean", CLEAN_ORDER_LINES), ("score", SCORE_EMBEDDING)],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_key_twice_stops_publication(copy_of: Copy, layer: str, table: Table) -> None:
    lake = copy_of("judged")
    change_night(lake, table, lambda night: pa.concat_tables([night, night.slice(0, 1)]))
    assert_refused(lake, layer, table, "expect_co")  # of a column, or of the compound key


@pytest.mark.parametrize("table", [SCORE_RFM, SCORE_CLV], ids=lambda table: table.name)
def test_scores_of_half_the_customers_stop_publication(copy_of: Copy, table: Table) -> None:
    lake = copy_of("judged")
    change_night(lake, table, lambda night: night.slice(0, night.num_rows // 2))
    assert_refused(lake, "score", table, "expect_table_row_count_to_be_between")


def test_a_probability_out_of_range_stops_publication(copy_of: Copy) -> None:
    lake = copy_of("judged")

    def too_large(night: pa.Table) -> pa.Table:
        chances = [1.5, *night["churn_probability"].to_pylist()[1:]]
        return night.set_column(night.schema.get_field_index("churn_probability"), "churn_probability", [chances])

    change_night(lake, SCORE_CHURN, too_large)
    (failed,) = assert_refused(lake, "score", SCORE_CHURN, "expect_column_values_to_be_between")
    assert "1.5" in failed["observed"]


def test_customers_lost_since_yesterday_stop_publication(copy_of: Copy) -> None:
    lake = copy_of("judged")
    change_night(lake, FEATURE_CUSTOMER, lambda night: night.slice(0, night.num_rows // 2))
    assert_refused(lake, "feature", FEATURE_CUSTOMER, "expect_table_row_count_to_be_between")


def landed(lake: Path) -> Path:
    return lake / "landing" / "transactions" / f"dt={NIGHT}" / "transactions.csv"


def test_negative_prices_in_a_landing_file_are_quarantined_and_too_many_of_them_stop_the_night(copy_of: Copy) -> None:
    lake = copy_of("published")
    header, *lines = landed(lake).read_text().splitlines()
    amount, kind = (header.split(",").index(name) for name in ("line_amount", "line_type"))
    broken = 0
    for number, line in enumerate(lines):
        cells = line.split(",")
        if cells[kind] == "sale" and number % 2:
            cells[amount] = "-" + cells[amount]
            lines[number] = ",".join(cells)
            broken += 1
    landed(lake).write_text("\n".join([header, *lines]) + "\n")
    run_all(lake, NIGHTLY[:2])
    refused = [row for row in stored(lake, RAW_QUARANTINE).to_pylist() if row["ingest_date"] == NIGHT]
    assert len(refused) == broken > 0
    assert {row["reason"] for row in refused} == {"a sale must not have a negative line_amount"}
    header_cells = header.split(",")
    for row in refused:  # the text as it was handed over, by column
        original = json.loads(row["original_text"])
        assert [original[name] for name in header_cells if name in original] == [
            cell for cell in lines[row["source_line"] - 2].split(",") if cell
        ]
    (told,) = assert_refused(lake, "clean", OPS_RUN, "refused share of transactions")
    assert json.loads(told["observed"]) == {"rows": len(lines), "refused": broken}


def test_a_halved_landing_file_stops_the_night_and_the_mended_one_publishes_it(copy_of: Copy) -> None:
    lake = copy_of("published")
    whole = landed(lake).read_bytes()
    header, *lines = whole.splitlines(keepends=True)
    landed(lake).write_bytes(b"".join([header, *lines[: len(lines) // 2]]))
    run_all(lake, NIGHTLY[:2])
    assert_refused(lake, "clean", CLEAN_ORDER_LINES, "expect_table_row_count_to_be_between")
    landed(lake).write_bytes(whole)
    run_all(lake, NIGHTLY[:12])
    assert published_dates(lake) == {PUBLISHED, NIGHT}
    assert export_folders(lake) == [str(PUBLISHED), str(NIGHT)]
    night, _ = of_night(CLEAN_ORDER_LINES, stored(lake, CLEAN_ORDER_LINES))
    assert night.num_rows > len(lines) // 2


def test_a_landed_row_of_next_year_is_quarantined(copy_of: Copy) -> None:
    lake = copy_of("published")
    text = landed(lake).read_text()
    header, first, *_ = text.splitlines()
    cells = first.split(",")
    for number, name in enumerate(header.split(",")):
        if name == "event_at":
            cells[number] = cells[number].replace("2024-", "2025-")
        if name == "event_id":
            cells[number] += "-late"
    landed(lake).write_text(text + ",".join(cells) + "\n")
    run(lake, ("ingest",))
    (refused,) = [row for row in stored(lake, RAW_QUARANTINE).to_pylist() if row["ingest_date"] == NIGHT]
    told = dict(zip(header.split(","), cells, strict=True))
    assert json.loads(refused["original_text"]) == {name: cell for name, cell in told.items() if cell}


def test_publish_refuses_while_a_gate_has_not_run(copy_of: Copy) -> None:
    lake = copy_of("published")
    run_all(lake, tuple(job for job in NIGHTLY[:8] if job != GATES["feature"]))
    with pytest.raises(GateRefusedError, match="gate feature has not run"):
        run(lake, ("publish",))
    assert_not_published(lake)


def test_processes_that_refuse_end_with_code_4(copy_of: Copy) -> None:
    lake = copy_of("judged")
    change_night(lake, SCORE_CHURN, lambda night: pa.concat_tables([night, night.slice(0, 1)]))
    for job in (GATES["score"], ("publish",)):
        done = subprocess.run(
            command(job), cwd=REPOSITORY, env=environment(lake), capture_output=True, text=True, check=False
        )
        assert done.returncode == 4, done.stderr
        assert [line for line in done.stderr.splitlines() if line.startswith("nightjar: ")]
    assert not (lake / "exports" / CAMPAIGN / str(NIGHT)).exists()


@pytest.mark.parametrize("name", ["great_expectations.yml", "expectations", "checkpoints", "validation_definitions"])
def test_a_file_that_a_killed_gate_left_half_written_stops_no_later_gate(copy_of: Copy, name: str) -> None:
    lake = copy_of("judged")
    place = lake / "quality" / "gx" / name
    file = place if place.is_file() else place / f"{SCORE_RFM.name}.json"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    run(lake, GATES["score"])
    run(lake, ("publish",))
    assert NIGHT in published_dates(lake)
