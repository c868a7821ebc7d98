"""Environment wins over the shop's file, the file over the defaults, and a name nobody knows fails."""

import re
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.errors import MissingInputError
from jobs.settings import DEFAULT_LAKE, Settings, get_settings
from schemas.line_rules import LineRule
from schemas.review_aspects import ReviewAspect

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.usefixtures("no_settings")


def test_without_anything_the_defaults_hold():
    settings = Settings()
    assert (settings.engine, settings.lake, settings.catalog) == ("sail", DEFAULT_LAKE, None)


def test_the_shops_file_is_read_from_the_lake_and_the_environment_wins_over_it(lake, monkeypatch):
    (lake / "shop.toml").write_text('business_timezone = "Europe/London"\ncurrency = "GBP"\n')
    monkeypatch.setenv("NIGHTJAR_LAKE", str(lake))
    assert (Settings().business_timezone, Settings().currency) == ("Europe/London", "GBP")
    monkeypatch.setenv("NIGHTJAR_CURRENCY", "USD")
    assert (Settings().business_timezone, Settings().currency) == ("Europe/London", "USD")
    assert Settings(currency="CHF").currency == "CHF"


def test_line_rules_are_read_from_the_shops_file_and_from_the_environment(lake, monkeypatch):
    (lake / "shop.toml").write_text('line_rules = [{ name = "post", effect = "postage", product_id = "POST" }]\n')
    assert Settings(lake=lake).line_rules == (LineRule("post", "postage", product_id="POST"),)
    monkeypatch.setenv("NIGHTJAR_LINE_RULES", '[{"name": "free", "effect": "excluded", "price": "zero"}]')
    assert Settings(lake=lake).line_rules == (LineRule("free", "excluded", price="zero"),)


def test_words_of_aspects_are_read_from_the_shops_file_and_from_the_environment(lake, monkeypatch):
    (lake / "shop.toml").write_text('review_aspects = [{ aspect = "price", words = "preis*|zu teuer" }]\n')
    assert Settings(lake=lake).review_aspects == (ReviewAspect("price", "preis*|zu teuer"),)
    monkeypatch.setenv("NIGHTJAR_REVIEW_ASPECTS", '[{"aspect": "service", "words": ""}]')
    assert Settings(lake=lake).review_aspects == (ReviewAspect("service", ""),)


def test_words_of_referrers_are_read_from_the_shops_file_and_stand_beside_the_usual_ones(lake):
    (lake / "shop.toml").write_text('referrer_words = { email = "rundbrief" }\nbusiness_timezone = "Europe/Berlin"\n')
    rules = Settings(lake=lake).start_rules
    words = dict(rules.referrer_patterns)["email"]
    assert rules.timezone == "Europe/Berlin" and "|rundbrief)" in words and "|gmail|" in words


def test_an_unknown_key_in_the_shops_file_fails(lake):
    (lake / "shop.toml").write_text('timezone = "Europe/London"\n')
    with pytest.raises(ValidationError, match="timezone"):
        Settings(lake=lake)


def test_a_variable_that_nobody_reads_fails_and_the_nearest_one_is_named(monkeypatch):
    monkeypatch.setenv("NIGHTJAR_CAMPAIN_SIZE", "10")
    with pytest.raises(MissingInputError, match=r"NIGHTJAR_CAMPAIN_SIZE is no setting; .* NIGHTJAR_CAMPAIGN_SIZE"):
        get_settings()


def test_a_variable_in_small_letters_fails_for_not_everybody_reads_it(lake, monkeypatch):
    monkeypatch.setenv("nightjar_lake", str(lake))
    with pytest.raises(MissingInputError, match="nightjar_lake must be in capitals: rename it to NIGHTJAR_LAKE"):
        get_settings()


def test_an_empty_lake_is_not_the_current_folder(monkeypatch):
    monkeypatch.setenv("NIGHTJAR_LAKE", " ")
    with pytest.raises(MissingInputError, match=r"setting lake: .*it is empty"):
        get_settings()


def test_keys_of_the_shops_file_are_in_small_letters(lake):
    (lake / "shop.toml").write_text('Business_Timezone = "Europe/London"\n')
    with pytest.raises(MissingInputError, match="Business_Timezone must be in small letters"):
        get_settings(lake=lake)


def test_a_shops_file_that_points_nowhere_or_is_a_folder_fails(lake):
    (lake / "shop.toml").symlink_to(lake / "gone.toml")
    with pytest.raises(MissingInputError, match=r"shop\.toml is no file, or a link that points nowhere"):
        get_settings(lake=lake)
    (lake / "shop.toml").unlink()
    (lake / "shop.toml").mkdir()
    with pytest.raises(MissingInputError, match=r"shop\.toml is no file"):
        get_settings(lake=lake)


def test_only_files_of_ones_own_need_no_shops_file(lake):
    (lake / "landing").mkdir()
    assert get_settings(lake=lake).currency == "EUR"
    get_settings.cache_clear()
    (lake / "landing" / ".dataset").write_text("olist\n")
    with pytest.raises(MissingInputError, match=r"shop\.toml is not there, though landing writes it"):
        get_settings(lake=lake)


def test_variables_of_dags_tests_and_docker_are_no_mistake(monkeypatch):
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    told = [REPOSITORY / name for name in tracked.stdout.splitlines() if name.startswith(("dags/", "docker/", "docs/"))]
    names = set(re.findall(r"\bNIGHTJAR_[A-Z_]*[A-Z]", "".join(path.read_text() for path in told)))
    values = {"NIGHTJAR_ENGINE": "sail", "NIGHTJAR_CATALOG": "a.b", "NIGHTJAR_CURRENCY": "EUR"}
    values |= {"NIGHTJAR_SPARK_CONF": "{}", "NIGHTJAR_THREADS": "1", "NIGHTJAR_BUSINESS_TIMEZONE": "UTC"}
    assert "NIGHTJAR_HOME" in names
    for name in names:
        monkeypatch.setenv(name, values.get(name, "there"))
    get_settings()


def test_a_zone_of_the_environment_that_is_not_the_shops_fails(lake, monkeypatch):
    (lake / "shop.toml").write_text('business_timezone = "America/New_York"\n')
    monkeypatch.setenv("NIGHTJAR_LAKE", str(lake))
    monkeypatch.setenv("NIGHTJAR_BUSINESS_TIMEZONE", "America/New_York")
    assert get_settings().business_timezone == "America/New_York"
    get_settings.cache_clear()
    monkeypatch.setenv("NIGHTJAR_BUSINESS_TIMEZONE", "UTC")
    with pytest.raises(MissingInputError, match=r"is UTC, but .*shop.toml says America/New_York"):
        get_settings()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('engine = "duckdb"', "setting engine: .*'sail'"),
        ("engine = ", "settings can't be read"),
        ("a = 1", "setting a:"),
        ('session_gap_minutes = "long"', "setting session_gap_minutes:"),
        ('closed_dates = ["x"]', "setting closed_dates"),
        ('currency = "eur"', "setting currency:"),
        (
            'line_rules = [{name = "p", effect = "postage", sku = "P"}]',
            "setting line_rules: .*'p' has an unknown key 'sku'",
        ),
        ('review_aspects = [{aspect = "smell", words = "x"}]', "setting review_aspects: .*'smell' is none of size_fit"),
        ('referrer_words = { friend = "x" }', "setting referrer_words: .*'friend' is none of direct, ads"),
        ('title = "caf\xe9"', "settings can't be read: .*mend shop.toml"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(lake, text, told):
    (lake / "shop.toml").write_text(text, "latin-1")
    with pytest.raises(MissingInputError, match=told) as refused:
        get_settings(lake=lake)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ENGINE", "duck", "setting engine:"),
        ("CAMPAIGN_SIZE", "lots", "setting campaign_size:"),
        ("SPARK_CONF", "{bad", "settings can't be read: .*spark_conf"),
        ("CAMPAIGN_ID", "../../x", "setting campaign_id:"),
    ],
)
def test_a_wrong_variable_is_told_in_one_line(monkeypatch, name, value, told):
    monkeypatch.setenv(f"NIGHTJAR_{name}", value)
    with pytest.raises(MissingInputError, match=told) as refused:
        get_settings()
    assert "\n" not in str(refused.value)


def test_the_sources_whose_volume_may_be_judged_are_those_that_a_gate_judges():
    from jobs.expectations import SOURCE_OF

    assert set(Settings().volume_sources) == set(SOURCE_OF.values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": "duckdb"},
        {"currency": "euro"},
        {"catalog": "no.such.catalog"},
        {"campaign_id": "../up"},
        {"campaign_control_share": 1},
        {"session_gap_minutes": 0},
        {"threads": 0},
        {"campaign_window_days": 1_000_000},
        {"snapshot_retention_days": 1_000_000},
        {"churn_horizon_days": 1_000_000},
        {"clv_horizon_days": 1_000_000},
        {"future_tolerance_minutes": 10**9},
        {"panel_weeks": 0},
        {"sequence_events": 0},
        {"seed": -1},
        {"business_timezone": "Europe/Atlantis"},
        {"volume_sources": ("reviews",)},
    ],
)
def test_a_value_out_of_range_fails(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Settings(**wrong)


def test_everything_of_a_shop_lies_in_its_lake(lake):
    settings = Settings(lake=lake)
    places = (settings.landing, settings.models, settings.exports, settings.reports, settings.quality)
    assert all(place.parent == lake for place in places)
    assert settings.tracking_uri == f"sqlite:///{lake.resolve()}/models/mlflow.db"
    assert Settings(lake=lake, mlflow_uri="http://mlflow:5000").tracking_uri == "http://mlflow:5000"


def test_settings_are_read_once_a_process(lake, monkeypatch):
    monkeypatch.setenv("NIGHTJAR_LAKE", str(lake))
    first = get_settings()
    monkeypatch.setenv("NIGHTJAR_LAKE", "elsewhere")
    assert get_settings() is first and first.lake == Path(lake)
