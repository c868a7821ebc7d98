import os
import re
import shutil
from datetime import date, timedelta
from decimal import Decimal

import pytest

from jobs import report, report_words
from jobs.errors import MissingInputError
from jobs.settings import Settings
from jobs.tables import Run
from models import registry
from models.rfm import SEGMENT_BY_CELL
from schemas.campaign import CAMPAIGN_ASSIGNMENT, CAMPAIGN_RESULT
from schemas.clean import CLEAN_ORDER_LINES
from schemas.feature import FEATURE_CUSTOMER_DAY
from schemas.ops import OPS_GATE, OPS_RUN
from schemas.raw import RAW_QUARANTINE
from schemas.score import CUSTOMER_360, SCORE_CLV

DAY = date(2024, 5, 31)
SECRETS = tuple(f"person-{letter}-7f3a" for letter in "abc")


def back(days):
    return DAY - timedelta(days=days)


def published(**values):
    return {"as_of_date": DAY, "snapshot_version": 1, **values}


PEOPLE = [
    published(
        customer_id=SECRETS[0],
        segment="champions",
        recency_days=3,
        net_revenue_365d="100.10",
        churn_probability=0.25,
        expected_net_revenue=80.5,
        churn_horizon_days=60,
        clv_horizon_days=90,
        models="rfm-1, churn-2, clv-3",
    ),
    published(
        customer_id=SECRETS[1],
        segment="lost",
        recency_days=90,
        net_revenue_365d="20.05",
        churn_probability=1.0,
        expected_net_revenue=1.25,
        churn_horizon_days=60,
        clv_horizon_days=90,
        models="rfm-1, churn-2, clv-3",
    ),
    published(customer_id=SECRETS[2], segment="no_orders", models="rfm-1"),
]
TILES = [
    {"event_date": DAY, "ingest_date": DAY, "order_count": 2, "net_amount": "30.50"},
    {"event_date": back(27), "ingest_date": back(27), "order_count": 3, "net_amount": "60.25"},
    {"event_date": back(27), "ingest_date": back(1), "order_count": -1, "net_amount": "-20.25"},  # a late return
    {"event_date": back(28), "ingest_date": back(28), "order_count": 5, "net_amount": "47.00"},
    {"event_date": back(56), "ingest_date": back(56), "order_count": 9, "net_amount": "900.00"},  # before both periods
    {
        "event_date": back(2),
        "ingest_date": DAY + timedelta(days=1),
        "order_count": 7,
        "net_amount": "700.00",
    },  # not known yet
]
RESULT = {"measured_date": DAY, "arm": "treatment", "campaign_id": "retention", "customer_count": 90, "buyer_count": 40}


@pytest.fixture(scope="module")
def built(tmp_path_factory, spark):
    """A shop with a published date, and a file's worth of everything that the report may show."""
    lake = tmp_path_factory.mktemp("built") / "lake"
    run = Run(as_of_date=DAY, first=DAY, settings=Settings(lake=lake))

    def write(table, *rows):
        slices = [row[table.slice_column] for row in rows]
        run.replace(spark.createDataFrame(table.rows(*rows), table.struct), table, min(slices), max(slices))

    write(CUSTOMER_360, *PEOPLE)
    write(SCORE_CLV, {"as_of_date": DAY, "method": "two_part", "horizon_days": 90})
    write(FEATURE_CUSTOMER_DAY, *({"customer_id": SECRETS[0], **tile} for tile in TILES))
    write(
        OPS_RUN,
        {"ingest_date": DAY, "source": "transactions", "file_count": 1, "file_row_count": 17}
        | {"new_row_count": 11, "duplicate_row_count": 4, "quarantined_row_count": 2},
        {"ingest_date": back(1), "source": "transactions", "file_count": 1, "file_row_count": 5, "new_row_count": 5},
    )
    back_line = {"customer_id": SECRETS[0], "line_type": "return"}
    write(
        CLEAN_ORDER_LINES,
        {**back_line, "line_id": "1", "ingest_date": DAY, "match_kind": "named", "net_amount": "-5.25"},
        {**back_line, "line_id": "2", "ingest_date": back(1), "match_kind": "named", "net_amount": "-2.00"},
        {**back_line, "line_id": "3", "ingest_date": back(1), "match_kind": "unmatched", "net_amount": "-1.00"},
        {**back_line, "line_id": "4", "ingest_date": back(2), "match_kind": "unmatched", "net_amount": "-9.00"},
        {"line_id": "5", "ingest_date": DAY, "line_type": "sale", "net_amount": 7},
    )
    refused = {"ingest_date": DAY, "source": "transactions", "original_text": f"{SECRETS[0]},1"}
    write(
        RAW_QUARANTINE,
        {**refused, "source_line": 1, "reason": f"rating must be at most 5: {SECRETS[0]}; product_id is missing"},
        {**refused, "source_line": 2, "reason": f"rating must be at most 5: {SECRETS[1]}; <script>x</script>"},
        {**refused, "source_line": 3, "reason": "3 fields <b>instead</b> of 2"},
    )
    write(
        CAMPAIGN_ASSIGNMENT,
        {"as_of_date": DAY, "campaign_id": "retention", "customer_id": SECRETS[0], "arm": "treatment"}
        | {"segment": "champions", "value_at_risk": 26.75},
        {"as_of_date": DAY, "campaign_id": "retention", "customer_id": SECRETS[1], "arm": "control", "segment": "lost"},
    )
    final = {**RESULT, "observed_days": 30, "is_final": True}
    write(
        CAMPAIGN_RESULT,
        {**final, "as_of_date": back(40), "uplift_per_customer": 2.5, "uplift_low": 0.5, "uplift_high": 4.5},
        {**final, "as_of_date": back(35), "uplift_per_customer": 1.0, "uplift_low": -0.5, "uplift_high": 2.5},
        {**final, "as_of_date": back(30), "uplift_per_customer": -3.0, "uplift_low": -5.0, "uplift_high": -1.0},
        {**RESULT, "as_of_date": back(9), "observed_days": 8, "measured_date": back(1)},
        {**RESULT, "as_of_date": back(9), "observed_days": 10, "measured_date": DAY + timedelta(days=1)},
        {**RESULT, "as_of_date": back(9), "observed_days": 9, "uplift_low": 0.1, "uplift_high": 3.0}
        | {"uplift_per_customer": 1.5},
    )
    write(
        OPS_GATE,
        {"as_of_date": DAY, "layer": "clean", "table_name": "clean_reviews", "expectation": "one", "is_success": True},
        {"as_of_date": DAY, "layer": "score", "table_name": "score_clv", "expectation": "two", "is_success": False}
        | {"observed": f'{{"rows": ["{SECRETS[2]}"]}}'},
    )
    return lake


@pytest.fixture(scope="module")
def page(built):
    """`page(**settings)`: the report of the built shop."""

    def write(**settings):
        with pytest.MonkeyPatch.context() as environment:
            for name in [name for name in os.environ if name.startswith("NIGHTJAR_")]:
                environment.delenv(name)
            run = Run(as_of_date=DAY, first=DAY, settings=Settings(lake=built, **settings))
        return report.render(run, report.page_facts(run, [DAY]))

    return write


@pytest.fixture(scope="module")
def text(page):
    """The report of the built shop with the settings as they are by default."""
    return page()


@pytest.fixture
def copy(built, lake):
    """A copy of the built shop, as this test's lake."""
    return shutil.copytree(built, lake, dirs_exist_ok=True)


def value(text, place):
    """The exact number behind the one shown under an id."""
    found = re.search(rf'id="{place}"><data value="([^"]*)">', text)
    assert found, f"no {place}"
    return Decimal(found.group(1))


def cells(text, heading, caption):
    """The cells of the row of a table, without tags."""
    tables = [part for part in text.split("<table>")[1:] if caption in part.split("</caption>")[0]]
    rows = [row for table in tables for row in table.split("</table>")[0].split("<tr>")[1:]]
    row = next(row for row in rows if re.search(rf'<th scope="row">{heading}\b', row))
    return [re.sub(r"<[^>]*>", "", cell).strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)]


def test_figures_at_a_glance_are_those_of_the_tables(page):
    text = page(currency="GBP")
    assert value(text, "customers") == 3
    assert "1 (33.3%) ordered in the last 90 days" in re.sub(r"<[^>]*>", "", text)
    assert (value(text, "orders"), value(text, "revenue")) == (4, Decimal("70.50"))
    assert "−20.0%" in text  # 4 orders against 5
    assert "50.0%" in text  # 70.50 against 47.00
    assert (value(text, "churners"), value(text, "value")) == (Decimal("1.25"), Decimal("81.75"))
    assert "30.50\u202fGBP" in text


def test_segments_accounting_gates_and_plan_are_those_of_the_tables(text):
    assert cells(text, "champions", "Segments") == ["R5, F4–5", "1", "33.3%", "100.10\u202fEUR", "25.0%"]
    assert cells(text, "no orders", "Segments") == ["–", "1", "33.3%", "0.00\u202fEUR", "–"]
    assert cells(text, "transactions", f"Run of {DAY}") == ["1", "17", "11", "4", "2"]
    assert cells(text, str(back(1)), "Last 2 runs") == ["1", "5", "5", "0", "0"]
    assert cells(text, "score", "Expectations") == ["score_clv", "0", "1"]
    assert cells(text, "champions", "Plan of") == ["contact", "1", "0.0%", "0.00\u202fEUR", "26.75\u202fEUR"]
    assert cells(text, "lost", "Plan of")[:2] == ["leave alone", "1"]
    assert cells(text, "customer_360", "Rows and bytes")[0] == "3"


def test_refused_rows_are_told_by_rule_without_their_values(text):
    assert cells(text, "transactions", "By the first rule") == ["rating must be at most 5", "2", "2"]


def test_returns_are_told_by_how_they_found_their_order(text):
    told = "how they found their order"
    assert cells(text, "named by the source", told) == ["1", "2", "7.25\u202fEUR"]
    assert cells(text, "of no order known", told) == ["0", "1", "1.00\u202fEUR"]
    assert "latest line of the product" not in text


def test_no_customer_is_in_the_report(text):
    assert not [secret for secret in SECRETS if secret in text]


def test_text_from_outside_is_escaped(page):
    text = page(title="<script>alert(1)</script> & sons")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; sons" in text
    assert "&lt;b&gt;instead&lt;/b&gt;" in text
    assert "<script" not in text and "<b>" not in text


def test_the_page_needs_nothing_beside_it(text):
    assert not re.findall(r"<(?:link|script|img|iframe|object|embed)\b", text)
    assert not re.findall(r"\bsrc=|@import|url\((?!#)", text)
    assert [link for link in re.findall(r'href="([^"]*)"', text) if not link.startswith("#")] == []


def test_every_chart_says_what_it_shows_and_ids_are_unique(text):
    assert text.count("<svg") == text.count('<svg role="img" aria-label="') > 3
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids))


def test_the_data_docs_are_linked_where_they_are(copy, run_job):
    docs = copy / "quality" / report.DATA_DOCS
    docs.parent.mkdir(parents=True)
    docs.touch()
    run_job("report", DAY)
    text = (copy / "reports" / f"{DAY}.html").read_text()
    assert (copy / "reports" / re.search(r'href="([^"#]+)"', text).group(1)).resolve() == docs.resolve()


def test_results_are_put_in_words_once_their_window_is_over_and_their_interval_excludes_zero(text):
    plan = "retention, "
    assert cells(text, plan + str(back(40)), "Uplift")[-1] == "The interval excludes 0: those contacted brought more."
    assert cells(text, plan + str(back(35)), "Uplift")[-1] == "No verdict: the interval includes 0."
    assert cells(text, plan + str(back(30)), "Uplift")[-1] == "The interval excludes 0: those contacted brought less."
    interim = cells(text, plan + str(back(9)), "Uplift")
    assert (interim[0], interim[-1]) == ("9 (interim)", "No verdict yet: day 9 of 30.")
    assert "Of the final ones 2 of 3 have an interval that excludes 0" in text


@pytest.mark.parametrize("kind", ["is_historic", "is_simulated"])
def test_where_nobody_was_contacted_no_plan_gets_a_verdict(page, kind):
    text = page(**{kind: True})
    assert cells(text, f"retention, {back(40)}", "Uplift")[-1] == "No verdict: nobody was contacted."
    assert "nobody was contacted by these plans, so every difference is chance" in text
    assert "brought more" not in text and "Of the final ones" not in text


def test_a_model_that_does_not_beat_its_baseline_is_told(page, monkeypatch):
    told = {
        "churn": {"holdout_roc_auc": 0.7, "holdout_rfm_roc_auc": 0.8, "holdout_ece": 0.1, "holdout_rfm_ece": 0.05},
        "clv": {"holdout_two_part_mae": 5.0, "holdout_rfm_mae": 6.0, "holdout_btyd_mae": 1.0},
    }
    found = {name: registry.Described(metrics, {"training_dates": "2024-01-31"}) for name, metrics in told.items()}
    monkeypatch.setattr(registry, "describe", lambda name, version, uri: found.get(name))
    text = page()
    assert "Does not beat its baseline on any measure shown." in text
    assert "Better than its baseline on every measure shown." in text
    assert cells(text, "Mean absolute error", "Holdout date") == ["5.000", "6.000", "model"]
    assert "No longer in the registry." in text  # rfm


def test_a_bias_is_better_when_it_is_nearer_to_zero():
    metrics = {"holdout_btyd_total_bias_ratio": -0.2, "holdout_rfm_total_bias_ratio": 0.1}
    assert [row["is_better"] for row in report.compare("clv", metrics, "btyd")] == [False]


def test_simulated_data_are_called_so(page, text):
    assert "Simulated data" in page(is_simulated=True)
    assert "Simulated data" not in text


def test_the_licence_of_the_data_is_told_where_there_is_one(page, text):
    assert "Data: CC-BY-NC-SA-4.0" in page(licence="CC-BY-NC-SA-4.0")
    assert "Data:" not in text


def test_a_rerun_gives_the_same_bytes_and_leaves_nothing_else(copy, run_job):
    run_job("report", DAY)
    (file,) = (copy / "reports").iterdir()
    first = file.read_bytes()
    run_job("report", DAY)
    assert [(path.name, path.read_bytes()) for path in (copy / "reports").iterdir()] == [(f"{DAY}.html", first)]


def test_a_date_that_is_not_published_is_refused(copy, run_job):
    with pytest.raises(MissingInputError, match="not published"):
        run_job("report", back(1))
    assert not (copy / "reports").exists()


def test_a_shop_with_customers_alone_gets_a_report(lake, run_job, make_run, frame):
    make_run(DAY).replace(frame(CUSTOMER_360, published(segment="no_orders")), CUSTOMER_360)
    run_job("report", DAY, has_prices=False)
    text = (lake / "reports" / f"{DAY}.html").read_text()
    for told in (
        "No file came for",
        "No row was refused",
        "No churn scores of this date",
        "no prices",
        "No campaign is planned",
        "No earlier plan has been measured",
        "No model has scored",
        "No gate results",
    ):
        assert told in text
    assert "EUR" not in text


def test_customers_and_plans_without_a_segment_are_counted(lake, run_job, make_run, frame):
    people = [published(customer_id=name, recency_days=1, net_revenue_365d=2) for name in "ab"]
    run = make_run(DAY)
    run.replace(frame(CUSTOMER_360, *people, published(customer_id="c", segment="lost")), CUSTOMER_360)
    plan = [
        {"as_of_date": DAY, "customer_id": name, "segment": segment} for name, segment in (("a", None), ("c", "lost"))
    ]
    run.replace(frame(CAMPAIGN_ASSIGNMENT, *plan), CAMPAIGN_ASSIGNMENT)
    run_job("report", DAY)
    text = (lake / "reports" / f"{DAY}.html").read_text()
    assert value(text, "customers") == 3
    assert cells(text, "no segment", "Segments")[1:3] == ["2", "66.7%"]
    assert cells(text, "no segment", "Plan of")[1] == "1"


def test_the_scores_told_of_a_segment_are_all_that_make_it():
    for name, told in report_words.segment_scores().items():
        spans = [[int(number) for number in re.findall(r"\d", part)] for part in told.split(", ")]
        rows, columns = (range(span[0], span[-1] + 1) for span in spans)
        assert {(r, f) for r in rows for f in columns} == {
            c for c, segment in SEGMENT_BY_CELL.items() if segment == name
        }


@pytest.mark.parametrize(
    ("given", "shown"),
    [(9999.994, "9,999.99\u202fEUR"), (10000, "10,000\u202fEUR"), (-12.5, "−12.50\u202fEUR"), (None, "–")],
)
def test_money_is_shown_to_the_cent_below_ten_thousand(given, shown):
    assert report_words.money(given, "EUR") == shown
