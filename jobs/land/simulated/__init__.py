"""The simulated shop: clicks, orders and reviews of the same customers, with everything hidden known.

Not real data. Everything follows from a seed (`ShopConfig`); any day can be made alone and gives the same bytes.
Landing files mix formats on purpose: transactions CSV (local time with offset), clickstream gzipped JSON lines (UTC),
reviews Parquet (naive local time), customers JSON lines, products CSV. Truth lies beside, in `<lake>/truth/`.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from jobs.land import LandingError
from jobs.land.simulated.config import CURRENCY, TIME_ZONE, ShopConfig
from jobs.land.simulated.generate import Offer, generate

PROFILE: dict[str, str | int | float | bool | date] = {
    "dataset": "simulated",
    "title": "Simulated shop with known truth (not real data)",
    "licence": "generated, no third-party data",
    "is_simulated": True,
    "business_timezone": TIME_ZONE,
    "currency": CURRENCY,
    "churn_horizon_days": 90,
    "clv_horizon_days": 180,
    "consent_required": True,
    "has_prices": True,
    "minimum_volume_ratio": 0.3,
}
NOTES = {"is_simulated": "made by jobs/land/simulated; truth for tests lies in truth/"}

DATE_OPTIONS = ("first_date", "last_date")

__all__ = ["NOTES", "PROFILE", "Offer", "ShopConfig", "generate", "land"]


def land(source: Path | None, landing: Path, options: Mapping[str, str]) -> dict[str, int]:
    """Land the shop. Options: the dials of `ShopConfig`, and first_date, last_date, workers, offers (a CSV).

    There is nothing to read: a `source` is refused rather than ignored.
    """
    if source is not None:
        raise LandingError("the simulated shop reads no --source (make: SOURCE=): leave it out")
    dials = dict(options)
    try:
        first, last = (date.fromisoformat(dials.pop(name)) if name in dials else None for name in DATE_OPTIONS)
        workers = int(dials.pop("workers")) if "workers" in dials else None
        offers = read_offers(Path(dials.pop("offers"))) if "offers" in dials else ()
        config = ShopConfig.from_options(dials)
        return generate(config, landing.parent, first_date=first, last_date=last, offers=offers, workers=workers)
    except (KeyError, ValueError) as error:
        raise LandingError(f"simulated shop: {error}") from error


def read_offers(path: Path) -> list[Offer]:
    """Contacts from a CSV with the columns customer_id and date."""
    with path.open(newline="") as file:
        return [(row["customer_id"], date.fromisoformat(row["date"])) for row in csv.DictReader(file)]
