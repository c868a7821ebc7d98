"""Settings: environment (`NIGHTJAR_*`) over the shop's own `shop.toml` over the defaults here; unknown keys fail."""

import os
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

DEFAULT_LAKE = Path("lake/complete-journey")
SHOP_FILE = "shop.toml"


class Settings(BaseSettings):
    """Everything that may differ between two places where Nightjar runs."""

    model_config = SettingsConfigDict(env_prefix="NIGHTJAR_", extra="forbid", frozen=True)

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
    business_timezone: str = "UTC"
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    first_date: date | None = None
    last_date: date | None = None
    quantity_is_units: bool = True
    has_prices: bool = True

    # Rules
    session_gap_minutes: int = Field(30, ge=1)
    bot_events_per_minute: int = Field(60, ge=1, description="more in one session minute tell of a bot")
    return_window_days: int = Field(365, ge=1, description="a return without a named order looks this far back")
    future_tolerance_minutes: int = Field(
        24 * 60, ge=0, description="events later than the run's day by more are refused"
    )
    minimum_volume_ratio: float = Field(
        0.6, ge=0, le=1, description="of the usual rows of the weekday; less stops a night"
    )
    closed_dates: tuple[date, ...] = Field((), description="business days on which the shop was closed")
    maximum_refused_share: float = Field(0.05, ge=0, le=1, description="of a source's rows; more stops a night")
    volume_sources: tuple[str, ...] = ("transactions", "clickstream")
    churn_horizon_days: int = Field(90, ge=1)
    clv_horizon_days: int = Field(90, ge=1)
    snapshot_retention_days: int = Field(35, ge=1, description="older snapshots are kept at month-ends only")
    seed: int = 20240229
    pseudonym_key: SecretStr | None = Field(None, description="of keyed hashes; None: a file in the lake, made once")

    # Campaign
    campaign_id: str = Field("retention", pattern=r"^[a-z0-9][a-z0-9_-]*$")
    campaign_size: int = Field(200, ge=1, description="customers contacted a night at most")
    campaign_window_days: int = Field(
        30, ge=1, description="time over which a plan is measured; no second contact within"
    )
    campaign_control_share: float = Field(0.1, gt=0, lt=1)
    campaign_minimum_churn: float = Field(0.0, ge=0, le=1)
    consent_required: bool = True

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
        lake = Path(init_settings().get("lake") or os.environ.get("NIGHTJAR_LAKE") or DEFAULT_LAKE)
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, lake / SHOP_FILE)


@lru_cache
def get_settings(**given: Any) -> Settings:
    """The settings of this process."""
    return Settings(**given)
