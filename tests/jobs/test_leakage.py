"""No feature of a date knows what came after it: everything after is shuffled, and nothing of the date may change.

One shop with every source, built by the product's own jobs. The check is shown to fail: features that know the future
are planted, and it names them.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from importlib import import_module
from pathlib import Path

import pytest

from features import tiles
from jobs.training_frame import training_frame
from schemas.feature import FEATURE_CUSTOMER, FEATURE_PATTERN, FEATURE_PRODUCT, FEATURES
from tests.faults import shop
from tests.jobs import hindsight
from tests.jobs.hindsight import DAY_BEFORE, EARLY, FIRST, LAST, D

pytestmark = pytest.mark.slow

AT_DATE = (FEATURE_CUSTOMER, FEATURE_PRODUCT, FEATURE_PATTERN)
DECLARED = {f"feature_customer.{feature.name}" for feature in FEATURES}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Path:
    """The shop's raw rows, as they came."""
    lake = tmp_path_factory.mktemp("hindsight") / "raw"
    hindsight.raw_shop(lake)
    return lake


@pytest.fixture(scope="module")
def lived(raw: Path) -> Path:
    """The shop as it went on, built."""
    lake = shop.copy(raw, raw.with_name("lived"))
    hindsight.build(lake)
    return lake


@pytest.fixture(scope="module", params=[1, 2, 3])
def other(request: pytest.FixtureRequest, raw: Path) -> Iterator[Path]:
    """The same shop up to D, with another future, built."""
    lake = shop.copy(raw, raw.with_name(f"other-{request.param}"))
    assert hindsight.shuffle_after(lake, D, request.param) > 1000
    hindsight.build(lake)
    yield lake
    shutil.rmtree(lake)


def test_shuffling_all_that_came_after_a_date_changes_no_feature_of_it(lived, other):
    assert hindsight.differences(lived, other, AT_DATE, D) == set()
    assert hindsight.differences(lived, other, (FEATURE_CUSTOMER,), EARLY) == set()


def training_rows(lake: Path, day: date, known: date) -> dict[str, tuple]:
    with hindsight.run_of(lake, known) as run:
        return {row.customer_id: tuple(row) for row in training_frame(run, [day], (known - day).days).collect()}


def test_it_changes_no_label_of_a_horizon_that_was_over_and_most_of_those_that_were_not(lived, other):
    past, future = ([training_rows(lake, *of) for lake in (lived, other)] for of in ((EARLY, D), (D, LAST)))
    assert past[0] == past[1]
    assert future[0].keys() == future[1].keys()
    assert sum(future[0][who] != future[1][who] for who in future[0]) > len(future[0]) / 2


def test_nor_does_a_snapshot_that_is_made_from_the_one_before_know_what_came_after(lived, other, caplog):
    hindsight.publish(other, DAY_BEFORE)
    with caplog.at_level("INFO", "nightjar"):
        hindsight.job(other, "snapshot", D)
    assert "made_of=the day before" in caplog.text
    assert hindsight.differences(lived, other, AT_DATE, D) == set()


@pytest.fixture
def caught(raw: Path, tmp_path: Path) -> Callable[[], set[str]]:
    """What the same check finds, with the code as it is now."""

    def find() -> set[str]:
        lakes = [shop.copy(raw, tmp_path / name) for name in ("lived", "other")]
        hindsight.shuffle_after(lakes[1], D, 4)
        for lake in lakes:
            hindsight.build(lake)
        return hindsight.differences(*lakes, AT_DATE, D)

    return find


def test_the_check_names_every_declared_feature_where_snapshots_see_later_runs_and_days(caught, monkeypatch):
    from pyspark.sql import functions as F

    def blind(rows, dates):
        """All rows at each date; what is to come as if it had happened as many days before."""
        found = rows.withColumn("as_of_date", F.explode(F.array(*(F.lit(day) for day in dates))))
        for name in {"event_date", "order_date"} & set(rows.columns):
            mirrored = F.date_sub("as_of_date", F.abs(F.datediff("as_of_date", name)))
            found = found.withColumn(name, mirrored)
        return found

    modules = [import_module(f"features.{path.stem}") for path in Path(tiles.__file__).parent.glob("[a-z]*.py")]
    for module in modules:
        if hasattr(module, "as_known"):
            monkeypatch.setattr(module, "as_known", blind)
    found = caught()
    # A new feature that is told here needs rows in `hindsight.raw_shop` that move it: else nothing would show its leak.
    assert DECLARED - found == set()
    assert {"feature_product.net_revenue_90d", "feature_product.category", "feature_pattern"} <= found


def test_the_check_names_the_features_of_a_tile_that_is_known_before_its_run(caught, monkeypatch):
    from pyspark.sql import functions as F

    honest = tiles.review_facts
    on_its_day = F.greatest("event_date", F.lit(FIRST))
    monkeypatch.setattr(tiles, "review_facts", lambda rows: honest(rows.withColumn("ingest_date", on_its_day)))
    found = caught()
    assert "feature_customer.rating_sum_lifetime" in found
    assert {name for name in found if ("order" in name or "click" in name) and "review" not in name} == set()


def test_the_check_names_the_features_of_a_tile_that_counts_before_its_day(caught, monkeypatch):
    from pyspark.sql import functions as F

    honest = tiles.click_facts
    when_it_came = F.least("event_date", "ingest_date")
    monkeypatch.setattr(
        tiles, "click_facts", lambda rows, *of: honest(rows.withColumn("event_date", when_it_came), *of)
    )
    found = caught()
    assert "feature_customer.view_count_7d" in found
    assert {name for name in found if "order" in name or "review" in name} == set()
