"""Settings: environment (`NIGHTJAR_*`) over the shop's own `shop.toml` over the defaults here; unknown keys fail.

The zone that says what a day is must be the same in both: what is in the tables was counted in one of them.
"""

import os
import tomllib
from collections.abc import Iterable
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from jobs.errors import MissingInputError
from jobs.lake_path import path_problem
from schemas.line_rules import LineRule, line_rules
from schemas.review_aspects import ReviewAspect, review_aspects
from schemas.session_starts import StartRules, checked_words, start_rules

DEFAULT_LAKE = Path("lake/complete-journey")
SHOP_FILE = "shop.toml"
PREFIX = "NIGHTJAR_"
FEWEST_DAYS = 28  # of history under a training snapshot; less tells windows of a month nothing
LONGEST_DAYS = 3650  # ten years: dates reckoned with it stay in the calendar
MONTH_MINUTES = 30 * 24 * 60
# Not settings of jobs: read by dags/, tests/ and docker/, in the same environment.
READ_BY_OTHERS = {"HOME", "SHARED_DATA", "CHAOS_SEED", "ADMIN_PASSWORD", "LAKE_VOLUME"}
Source = Literal[
    "transactions",
    "clickstream",
    "reviews",
    "customers",
    "products",
    "payments",
    "campaign_events",
    "exchange_rates",
]


class Settings(BaseSettings):
    """Everything that may differ between two places where Nightjar runs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    # Engine
    engine: Literal["sail", "spark"] = "sail"
    lake: Path = DEFAULT_LAKE
    catalog: str | None = Field(None, pattern=r"^\w+\.\w+$", description="catalog.schema; None: tables are Delta paths")
    spark_master: str = "local[*]"
    spark_remote: str | None = Field(None, description="sc:// URL of a running Spark Connect server")
    spark_conf: dict[str, str] = {}
    spark_jars: Path = Path(".jars")
    mlflow_uri: str | None = Field(None, description="of an MLflow server; None: SQLite in the lake")
    threads: int = Field(1, ge=1, description="threads of tree training; more only pay on cores that nobody else uses")

    # The shop, as its landing adapter describes it
    dataset: str = "own"
    title: str = "Own data"
    licence: str = ""
    is_simulated: bool = False
    is_historic: bool = Field(False, description="data of the past: whom a plan names was never contacted")
    business_timezone: str = "UTC"
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    first_date: date | None = None
    last_date: date | None = None
    has_prices: bool = True

    # Rules
    session_gap_minutes: int = Field(30, ge=1)
    bot_events_per_minute: int = Field(60, ge=1, description="more in one session minute tell of a bot")
    bot_events_per_day: int = Field(1000, ge=1, description="of one visitor; more in one run tell of a bot")
    identity_component_cap: int = Field(
        50, ge=1, description="identifiers that one may be tied to; more tell of a shared device or a test account"
    )
    return_window_days: int = Field(365, ge=1, description="a return without a named order looks this far back")
    line_rules: tuple[LineRule, ...] = Field((), description="which lines are postage or no revenue; first match wins")
    review_aspects: tuple[ReviewAspect, ...] = Field(
        (), description="words by which reviews name an aspect, in place of the English ones"
    )
    referrer_words: dict[str, str] = Field(
        {}, description="words by which a referrer's kind is known, beside those that hold everywhere"
    )
    exchange_rate_days: int = Field(
        7, ge=0, le=366, description="a day without an exchange rate takes the latest of so many days before"
    )
    future_tolerance_minutes: int = Field(
        24 * 60, ge=0, le=MONTH_MINUTES, description="events later than the run's day by more are refused"
    )
    maximum_row_kb: int = Field(1024, ge=1, le=512 * 1024, description="a longer landed row is refused")
    maximum_unpacked_mb: int = Field(
        4096, ge=1, le=1 << 20, description="a packed landing file that holds more is refused"
    )
    minimum_volume_ratio: float = Field(
        0.6, ge=0, le=1, description="of the usual rows of the weekday; less stops a night"
    )
    closed_dates: tuple[date, ...] = Field((), description="business days on which the shop was closed")
    maximum_refused_share: float = Field(0.05, ge=0, le=1, description="of a source's rows; more stops a night")
    volume_sources: tuple[Literal["transactions", "clickstream"], ...] = ("transactions", "clickstream")
    may_be_silent: tuple[Source, ...] = Field((), description="sources whose silence is no fault, as those that ended")
    churn_horizon_days: int = Field(90, ge=1, le=LONGEST_DAYS)
    clv_horizon_days: int = Field(90, ge=1, le=LONGEST_DAYS)
    snapshot_retention_days: int = Field(
        35, ge=1, le=LONGEST_DAYS, description="older snapshots are kept at month-ends only"
    )
    rolling_from_tiles: int = Field(
        1_000_000,
        ge=0,
        description="of fewer tiles a snapshot is made anew, which is then faster than from yesterday's",
    )
    panel_weeks: int = Field(52, ge=1, le=LONGEST_DAYS // 7, description="of a customer in feature_customer_week")
    sequence_events: int = Field(
        200, ge=1, le=10_000, description="of a customer in feature_event_sequence, the newest ones"
    )
    seed: int = Field(20240229, ge=0, lt=2**31)  # what NumPy, XGBoost and LightGBM all take
    pseudonym_key: SecretStr | None = Field(None, description="of keyed hashes; None: a file in the lake, made once")

    # Campaign
    campaign_id: str = Field("retention", pattern=r"^[a-z0-9][a-z0-9_-]*$")
    campaign_size: int = Field(200, ge=1, description="most customers contacted a night")
    campaign_window_days: int = Field(
        30, ge=1, le=LONGEST_DAYS, description="time over which a plan is measured; no second contact within"
    )
    campaign_control_share: float = Field(0.1, gt=0, lt=1)
    campaign_minimum_churn: float = Field(0.0, ge=0, le=1)
    consent_required: bool = True

    @field_validator("lake", mode="before")
    @classmethod
    def _is_named(cls, lake: Any) -> Any:
        if isinstance(lake, str) and not lake.strip():
            raise ValueError("it is empty: name a folder, or unset the variable")
        return lake

    @field_validator("business_timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{name!r} is no time zone: write it like Europe/Paris") from None
        return name

    @field_validator("line_rules", mode="before")
    @classmethod
    def _are_line_rules(cls, given: Any) -> tuple[LineRule, ...]:
        return line_rules(given)

    @field_validator("review_aspects", mode="before")
    @classmethod
    def _are_review_aspects(cls, given: Any) -> tuple[ReviewAspect, ...]:
        return review_aspects(given)

    @field_validator("referrer_words", mode="before")
    @classmethod
    def _are_referrer_words(cls, given: Any) -> dict[str, str]:
        return checked_words(given)

    @property
    def start_rules(self) -> StartRules:
        """What the beginning of a session is told by."""
        return start_rules(self.business_timezone, self.referrer_words)

    @property
    def days_to_train(self) -> int:
        """History that churn and CLV need: a first snapshot, and two horizons after it."""
        return FEWEST_DAYS + 2 * max(self.churn_horizon_days, self.clv_horizon_days) + 1

    @property
    def landing(self) -> Path:
        """Where upstream systems drop their files."""
        return self.lake / "landing"

    @property
    def models(self) -> Path:
        """MLflow's database and artefacts."""
        return self.lake / "models"

    @property
    def tracking_uri(self) -> str:
        """MLflow's address."""
        return self.mlflow_uri or f"sqlite:///{(self.models / 'mlflow.db').resolve()}"

    @property
    def staging(self) -> Path:
        """What jobs put aside while they run; whole paths, for an engine may run elsewhere on this machine."""
        return self.lake.resolve() / "_staging"

    @property
    def exports(self) -> Path:
        """Campaign files."""
        return self.lake / "exports"

    @property
    def reports(self) -> Path:
        """HTML reports."""
        return self.lake / "reports"

    @property
    def quality(self) -> Path:
        """Great Expectations' project and Data Docs."""
        return self.lake / "quality"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the shop's file."""
        lake = Path(init_settings().get("lake") or os.environ.get(f"{PREFIX}LAKE") or DEFAULT_LAKE)
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, lake / SHOP_FILE)


@lru_cache
def get_settings(**given: Any) -> Settings:
    """The settings of this process; what is wrong with them in one line."""
    _refuse_unknown(os.environ)
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise MissingInputError(
            f"setting {place}: {first['msg']}; see docs/operating.md, Settings of the jobs"
        ) from None
    except (SettingsError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MissingInputError(f"settings can't be read: {error}; mend {SHOP_FILE} or the environment") from None
    if problem := path_problem(settings.lake):
        raise MissingInputError(problem)
    _refuse_shop_file(settings.lake)
    _refuse_two_zones(settings)
    return settings


def _refuse_unknown(names: Iterable[str]) -> None:
    """Raise for the first `NIGHTJAR_*` variable that nobody reads: most likely it is misspelt, and would do nothing.

    One in small letters would be read here and not by Airflow and the scripts.
    """
    known = {name.upper() for name in Settings.model_fields} | READ_BY_OTHERS
    for name in sorted(names):
        word = name.upper().removeprefix(PREFIX)
        if name.upper().startswith(PREFIX) and word not in known:
            near = get_close_matches(word, sorted(known), 1, cutoff=0)[0]
            raise MissingInputError(f"{name} is no setting; the nearest one is {PREFIX}{near}. Rename or unset it")
        if name.upper().startswith(PREFIX) and name != name.upper():
            raise MissingInputError(f"{name} must be in capitals: rename it to {name.upper()}, or unset it")


def _refuse_shop_file(lake: Path) -> None:
    """Raise where the shop's file should be there and can't be read, or has keys that are not as they are declared.

    Defaults in its place would be another shop's: another zone, another currency. Files of one's own may have none.
    """
    shop = lake / SHOP_FILE
    if shop.is_file():
        for key in tomllib.loads(shop.read_text("utf-8")):
            if key != key.lower():
                raise MissingInputError(f"{shop}: {key} must be in small letters: write {key.lower()}")
    elif shop.exists() or shop.is_symlink():
        raise MissingInputError(f"{shop} is no file, or a link that points nowhere; put the shop's file there")
    elif (lake / "landing" / ".dataset").is_file():
        raise MissingInputError(f"{shop} is not there, though landing writes it; land again, or put it back")


def _refuse_two_zones(settings: Settings) -> None:
    """Raise where the environment and the shop's file name different zones."""
    shop = settings.lake / SHOP_FILE
    landed = tomllib.loads(shop.read_text("utf-8")).get("business_timezone") if shop.is_file() else None
    if landed and landed.lower() != settings.business_timezone.lower():
        raise MissingInputError(
            f"{PREFIX}BUSINESS_TIMEZONE is {settings.business_timezone}, but {shop} says {landed}: "
            f"set the variable, and Airflow's default time zone, to {landed}"
        )
