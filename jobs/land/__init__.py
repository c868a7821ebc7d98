"""Landing: bring one data set's own files into the raw format under ``<lake>/landing/<source>/dt=YYYY-MM-DD/``.

One module per data set. Each exposes

- ``PROFILE``: settings of the shop, written to ``shop.toml``;
- ``EXPECTS`` (where it needs ``--source``): what that folder must hold, in words; read as text before anything is
  installed, so it is a plain string or an f-string;
- ``NOTES`` (optional): a comment for a key of ``PROFILE``, written above it;
- ``land(source, landing, options)``: writes the files and returns the rows written per source;
- ``business_dates(landing)`` (optional): first and last full business day, where the day folders alone do not tell;
- ``closed_dates(landing)`` (optional): days without trade that are no fault, beside those of every week.
"""

from collections.abc import Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Protocol

from jobs.errors import MissingInputError

Value = str | int | float | bool | date | tuple[date, ...] | tuple[Mapping[str, str], ...]

DATASETS: Mapping[str, str] = {
    "complete-journey": "jobs.land.complete_journey",
    "simulated": "jobs.land.simulated",
    "online-retail": "jobs.land.online_retail",
    "olist": "jobs.land.olist",
    "retailrocket": "jobs.land.retailrocket",
}


class LandingError(MissingInputError):
    """A landing that cannot go on; the message is one line that says what to do."""


class Adapter(Protocol):
    """What a data set's module offers; ``NOTES`` and ``business_dates`` may be absent."""

    PROFILE: dict[str, Value]

    def land(self, source: Path | None, landing: Path, options: dict[str, str]) -> dict[str, int]:
        """Write the data set's files under ``landing`` and return the rows written per source."""
        ...


def load_adapter(dataset: str) -> Adapter:
    """The module of one data set, imported only when asked for."""
    if dataset not in DATASETS:
        raise LandingError(f"unknown data set {dataset!r}: choose one of {', '.join(DATASETS)}")
    return import_module(DATASETS[dataset])  # type: ignore[return-value]


def reject_options(dataset: str, options: Mapping[str, str]) -> None:
    """Refuse options for a data set that has none, since a silently ignored option misleads."""
    if options:
        raise LandingError(f"data set {dataset} takes no --option, but got {', '.join(sorted(options))}: leave it out")
