"""Rows of customers' weeks and events as padded arrays, as sequence models take them.

Time runs along the second axis and ends at as_of_date for everybody: what pads stands before it, so that the last
step is the newest one of each customer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

KEY = ["as_of_date", "customer_id"]


@dataclass(frozen=True)
class Panel:
    """Customers by week and fact, dense."""

    keys: pd.DataFrame  # (customers,) of as_of_date and customer_id
    facts: tuple[str, ...]
    values: np.ndarray  # (customers, weeks, facts) float32; the last week is that of as_of_date
    mask: np.ndarray  # (customers, weeks) bool: False before the customer was there; zeros where True are true zeros


@dataclass(frozen=True)
class EventSteps:
    """Customers by step; a code of 0 is none, or a word that the list lacks."""

    keys: pd.DataFrame  # (customers,) of as_of_date and customer_id
    event_types: tuple[str, ...]
    categories: tuple[str, ...]
    event_type: np.ndarray  # (customers, steps) int32: place in `event_types`, from 1
    category: np.ndarray  # (customers, steps) int32: place in `categories`, from 1
    gap_days: np.ndarray  # (customers, steps) float32: since the event before; 0 for a customer's first
    amount: np.ndarray  # (customers, steps) float32; 0 where an event has none
    mask: np.ndarray  # (customers, steps) bool: False where a step pads


def panel(rows: pd.DataFrame, facts: Sequence[str], weeks: int, customers: pd.DataFrame | None = None) -> Panel:
    """The last `weeks` weeks of rows of `feature_customer_week`, weeks without a row filled with zeros.

    `customers` (as_of_date, customer_id) say who is in it and in which order, as the rows of a snapshot do: one without
    any row did nothing in reach, but was there. Default: who has a row, in order.
    """
    keys, owner = _placed(rows, customers)
    week = rows["week_number"].to_numpy(dtype=np.int64)
    is_inside = (owner >= 0) & (week < weeks)
    values = np.zeros((len(keys), weeks, len(facts)), dtype=np.float32)
    found = rows[list(facts)].to_numpy(dtype=np.float32)
    values[owner[is_inside], weeks - 1 - week[is_inside]] = found[is_inside]
    first = np.full(len(keys), weeks - 1, dtype=np.int64)
    is_named = owner >= 0
    first[owner[is_named]] = rows["first_week_number"].to_numpy(dtype=np.int64)[is_named]
    back = np.arange(weeks - 1, -1, -1)
    return Panel(keys, tuple(facts), values, back[None, :] <= first[:, None])


def event_steps(
    rows: pd.DataFrame,
    steps: int,
    event_types: Sequence[str],
    categories: Sequence[str],
    customers: pd.DataFrame | None = None,
) -> EventSteps:
    """The newest `steps` events of rows of `feature_event_sequence`; `customers` as for `panel`.

    The words are given, not taken from the rows, so that codes of training hold for rows of a later date.
    """
    ordered = rows.sort_values([*KEY, "event_rank"], kind="stable", ignore_index=True)
    keys, owner = _placed(ordered, customers)
    rank = ordered.groupby(KEY, sort=False).cumcount().to_numpy()  # an erasure leaves gaps in event_rank
    is_inside = (owner >= 0) & (rank < steps)
    at = owner[is_inside], steps - 1 - rank[is_inside]

    def padded(values: np.ndarray, kind: type) -> np.ndarray:
        array: np.ndarray = np.zeros((len(keys), steps), dtype=kind)
        array[at] = values[is_inside]
        return array

    def codes(name: str, words: Sequence[str]) -> np.ndarray:
        return padded(pd.Index(words).get_indexer(ordered[name]) + 1, np.int32)

    def numbers(name: str, unit: float = 1.0) -> np.ndarray:
        return padded(ordered[name].astype(float).fillna(0).to_numpy() / unit, np.float32)

    return EventSteps(
        keys=keys,
        event_types=tuple(event_types),
        categories=tuple(categories),
        event_type=codes("event_type", event_types),
        category=codes("category", categories),
        gap_days=numbers("gap_seconds", 24 * 3600.0),
        amount=numbers("amount"),
        mask=padded(np.ones(len(ordered), dtype=bool), np.bool_),
    )


def _placed(rows: pd.DataFrame, customers: pd.DataFrame | None) -> tuple[pd.DataFrame, np.ndarray]:
    """Who is in it, and the place of each row's customer among them; -1 for a row of somebody else."""
    if customers is None:
        customers = rows[KEY].drop_duplicates().sort_values(KEY)
    keys = customers[KEY].reset_index(drop=True)
    places = pd.MultiIndex.from_frame(keys)
    if not places.is_unique:
        raise ValueError(
            f"customers holds {int(places.duplicated().sum())} customers twice; one row per as_of_date and customer_id"
        )
    return keys, places.get_indexer(pd.MultiIndex.from_frame(rows[KEY]))
