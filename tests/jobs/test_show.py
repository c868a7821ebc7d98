"""The page of a lake: what its tables hold, told of the scores themselves."""

import json
from datetime import date

import pytest

from jobs import show
from jobs.errors import MissingInputError
from jobs.settings import Settings
from schemas.clean import CLEAN_ORDER_LINES
from schemas.ops import OPS_LATENESS
from schemas.score import CUSTOMER_360

D0, D = date(2024, 3, 30), date(2024, 3, 31)


@pytest.fixture
def page(lake, make_run, frame):
    """`page(row, …, day=…, **settings)`: the lines for a lake with these published customers."""

    def make(*rows, day=None, **settings):
        (lake / "landing").mkdir()
        for published in (D0, D):
            given = [{"as_of_date": published, "customer_id": str(number), **row} for number, row in enumerate(rows)]
            if given:
                make_run(published).replace(frame(CUSTOMER_360, *given), CUSTOMER_360)
        return list(show.page(Settings(lake=lake, **settings), day))

    return make


SCORED = {"churn_probability": 0.5, "churn_horizon_days": 56, "expected_net_revenue": 10, "clv_horizon_days": 30}


def test_horizons_are_those_of_the_scores_whatever_the_settings_say_now(page):
    text = " ".join(page(SCORED, SCORED, churn_horizon_days=90, clv_horizon_days=90))
    assert "1 of 2 customers expected not to order within 56 days" in text
    assert "20.00 EUR of net revenue expected in 30 days of 2 customers" in text


def test_segments_add_up_and_customers_without_one_are_told(page):
    lines = page({"segment": "lost", "net_revenue_365d": 2}, {"net_revenue_365d": 1}, {"net_revenue_365d": 1})
    told = {line.split("  ")[1]: line.split() for line in lines if line.startswith("  ")}
    assert told["no segment"][-3:] == ["2", "66.7%", "2.00"]
    assert told["all"][-3:] == ["3", "100.0%", "4.00"]


def test_lateness_is_told_by_source_over_the_last_weeks(page, make_run, frame):
    counts = {"new_row_count": 8, "on_time_row_count": 4, "late_1_day_row_count": 2, "late_over_30_days_row_count": 2}
    row = {"ingest_date": D, "source": "reviews", "maximum_lateness_days": 200, **counts}
    run = make_run(date(2024, 1, 1), D)
    run.replace(frame(OPS_LATENESS, row, row | {"ingest_date": date(2024, 1, 1), "source": "products"}), OPS_LATENESS)
    lines = [line.split() for line in page()]
    assert ["reviews", "8", "50.0%", "75.0%", "75.0%", "200"] in lines
    assert not [line for line in lines if line[:1] == ["products"]]


def test_returns_of_the_run_are_told_by_how_they_found_their_order(page, make_run, frame):
    kinds = enumerate(("named", "unmatched", "named", None))
    brought = [{"line_id": str(number), "ingest_date": D, "match_kind": kind} for number, kind in kinds]
    make_run(D).replace(frame(CLEAN_ORDER_LINES, *brought), CLEAN_ORDER_LINES)
    lines = page({"segment": "lost"})
    assert lines[lines.index(f"\nReturns that the run of {D} brought") + 1] == "  named 2, unmatched 1"


def test_a_shop_without_returns_is_told_so(page):
    lines = page({"segment": "lost"})
    assert lines[lines.index(f"\nReturns that the run of {D} brought") + 1] == "  none"


def test_a_shop_without_scores_is_told_so(page):
    text = " ".join(page({"segment": "lost"}))
    assert "churn: no forecast" in text and "CLV: no forecast" in text


def test_the_licence_of_the_data_is_told_and_that_they_are_simulated(page):
    lines = page(title="Shop", licence="CC-BY-NC-SA-4.0", is_simulated=True)
    assert lines[:2] == ["Shop (simulated, not real data)", "licence of the data: CC-BY-NC-SA-4.0"]


def test_a_lake_where_nothing_is_published_says_so(page):
    assert page()[-1] == "\nNo date is published yet."


def test_a_date_that_is_not_published_is_refused(page):
    with pytest.raises(MissingInputError, match="newest published date is 2024-03-31"):
        page({"segment": "lost"}, day=date(2024, 4, 1))


def test_a_folder_that_is_no_lake_is_refused(tmp_path, no_settings):
    with pytest.raises(MissingInputError, match="no lake"):
        show.main(["--lake", str(tmp_path)])


def test_an_empty_lake_is_refused_as_make_says_it(no_settings):
    with pytest.raises(MissingInputError, match=r"--lake \(make: LAKE=\) is empty"):
        show.main(["--lake", ""])


@pytest.mark.parametrize("text", [None, "{", "[]", "{}"])
def test_a_missing_or_damaged_manifest_is_told(lake, text):
    settings = Settings(lake=lake)
    folder = settings.exports / settings.campaign_id / str(D)
    folder.mkdir(parents=True)
    (folder / "contacts.csv").write_text("customer_id\n")
    if text is not None:
        (folder / "manifest.json").write_text(text)
    (line,) = show.campaign_lines(settings, D)
    assert "manifest.json is missing or damaged" in line


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"why_empty": "nobody to contact: no score"}, "nobody to contact: no score"),
        ({"left_out": {"no_score": 0, "no_consent": 1200}}, "left out: 1,200 customers without consent"),
        ({}, "customer_id"),  # a manifest of a version that counted nothing
    ],
)
def test_why_the_file_is_empty_or_who_is_left_out_is_told(lake, told, line):
    settings = Settings(lake=lake)
    folder = settings.exports / settings.campaign_id / str(D)
    folder.mkdir(parents=True)
    (folder / "contacts.csv").write_text("customer_id\n")
    about = {"contact_count": 0, "control_count": 0, "left_out_meanings": {"no_consent": "customers without consent"}}
    (folder / "manifest.json").write_text(json.dumps(about | told))
    assert list(show.campaign_lines(settings, D))[1] == line


def test_a_table_that_lost_a_file_is_not_shown(page, lake):
    page({"segment": "lost"})
    next((lake / CUSTOMER_360.name).rglob("*.parquet")).unlink()
    with pytest.raises(MissingInputError, match="table customer_360 is damaged; restore the lake"):
        show.main(["--lake", str(lake)])
