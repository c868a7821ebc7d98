"""Dials of the simulated shop: everything that may be turned stands here, with its range checked once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

TIME_ZONE = "Europe/Berlin"  # has daylight saving, so that the pipeline's day borders are tested
CURRENCY = "EUR"

LATE_MAX_DAYS = 3  # a late row lands 1..3 days after its event
REPEAT_MAX_DAYS = 2  # a repeated row lands 0..2 days after the row it repeats
RETURN_MAX_DAYS = 21
REVIEW_MAX_DAYS = 21
VISIT_AHEAD_DAYS = 5  # visits that prepare a purchase lie 1..5 days before it
OFFER_DAYS = 30  # a contact changes the purchase rate on the 30 days after it
SHARES = (
    "late_share",
    "duplicate_share",
    "malformed_share",
    "return_share",
    "drift",
    "drift_after_share",
    "login_share",
    "second_account_share",
    "shared_device_share",
    "device_id_share",
    "guest_email_share",
    "planted_share",
)


@dataclass(frozen=True)
class ShopConfig:
    """One shop. Two equal configurations give the same bytes on any machine with the same library versions."""

    customers: int = 2_000
    days: int = 500
    start_date: date = date(2024, 1, 1)
    products: int = 600
    seed: int = 20_240_101
    orders_per_month: float = 1.0  # mean of the hidden purchase rate of living customers
    lines_per_order: float = 2.5
    sessions_per_order: float = 3.0  # the buying session is one of them; 1.0 means no other visits
    lifetime_days: float = 540.0  # about the mean time from sign-up to death
    late_share: float = 0.01
    duplicate_share: float = 0.005
    malformed_share: float = 0.001
    return_share: float = 0.08  # of sale lines; a quarter as many orders are cancelled
    drift: float = 0.0  # 0..1: how far interests and prices move on `drift_date`
    drift_after_share: float = 0.6  # when: after this share of the days
    bot_share: float = 0.02  # of sessions
    seasonality: float = 1.0  # 0: every day alike
    # Who is who. At the defaults every customer is a person of their own, whose browsers keep their cookies.
    login_share: float = 1.0  # of the usual log-ins
    second_account_share: float = 0.0  # of pairs of neighbouring customers: one person with two accounts, one address
    shared_device_share: float = 0.0  # of such pairs: two people with the first one's main device
    device_id_share: float = 0.0  # of devices that tell their id, as apps do
    cookie_days: int = 0  # so often browsers forget their visitor id; 0: never
    guest_email_share: float = 0.0  # of purchases without a log-in, which give an address
    planted_share: float = 0.0  # of the sequences of `planted.py`: 1 plants them as often as it says, 0 never

    def __post_init__(self) -> None:
        """Refuse what would silently give another shop than the one asked for."""
        for name in SHARES:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in 0..1, not {getattr(self, name)}")
        if not 0.0 <= self.bot_share < 1.0 or not 0.0 <= self.seasonality <= 2.0:
            raise ValueError("bot_share must lie in 0..1 (1 excluded) and seasonality in 0..2")
        if self.second_account_share + self.shared_device_share > 1.0 or self.cookie_days < 0:
            raise ValueError(
                "second_account_share and shared_device_share are of the same pairs; cookie_days is not negative"
            )
        if min(self.customers, self.days) < 1 or self.products < 36 or self.seed < 0:
            raise ValueError("customers and days must be at least 1, products at least 36, seed not negative")
        if (
            min(self.lines_per_order, self.sessions_per_order) < 1.0
            or min(self.orders_per_month, self.lifetime_days) <= 0
        ):
            raise ValueError("lines_per_order and sessions_per_order start at 1; rates and lifetimes are positive")

    @property
    def has_identity(self) -> bool:
        """Whether a dial of who is who is turned."""
        turned = (self.second_account_share, self.shared_device_share, self.device_id_share, self.guest_email_share)
        return any(turned) or self.cookie_days > 0 or self.login_share < 1.0

    @property
    def last_date(self) -> date:
        """The last business day with landing files."""
        return self.date_of(self.days - 1)

    @property
    def drift_day(self) -> int:
        """Number of the first day after the change."""
        return int(self.days * self.drift_after_share)

    def date_of(self, day: int) -> date:
        """Business date of a day number (0 is the start date)."""
        return self.start_date + timedelta(days=day)

    def day_of(self, when: date) -> int:
        """Day number of a business date."""
        return (when - self.start_date).days

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> ShopConfig:
        """Read the dials from command-line options (text or typed values); unknown names fail."""
        known = {field.name: field for field in fields(cls)}
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise ValueError(f"unknown dials {unknown}; known: {sorted(known)}")
        return cls(**{name: _typed(known[name].type, value) for name, value in options.items()})

    def as_record(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            field.name: value.isoformat() if isinstance(value := getattr(self, field.name), date) else value
            for field in fields(self)
        }


def _typed(kind: Any, value: Any) -> Any:
    if kind == "date":
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    if kind == "int":
        return int(str(value).replace("_", ""))
    return float(value)
