"""Environment wins over the shop's file, the file over the defaults, and a name nobody knows fails."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.settings import DEFAULT_LAKE, Settings, get_settings

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


def test_an_unknown_key_in_the_shops_file_fails(lake):
    (lake / "shop.toml").write_text('timezone = "Europe/London"\n')
    with pytest.raises(ValidationError, match="timezone"):
        Settings(lake=lake)


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
