"""Sequences that only order, distance and time tell apart; in sessions as often as the dial `planted_share` says.

They follow the body of a session (`patterns.py`), with views of other interests between their steps. Each that is
typical of a side has a twin, of the same steps and as frequent on the other side, that differs in one thing: the order,
how far apart the steps are, or how long the visitor stays at them. So counts of events tell nothing of them. A decoy is
a twin that no constraint describes, or what is alike on both sides: its steps alone are typical of nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.land.simulated.patterns import EVENTS, SEARCH, VIEW
from jobs.land.simulated.sessions import Sessions
from jobs.land.simulated.streams import FloatArray, IntArray, pick, ragged
from jobs.land.simulated.world import World

USUAL, LONG, SHORT = "usual", "long", "short"
STAY_SECONDS = {LONG: (120, 300), SHORT: (5, 20)}
NEAR, FAR = "near", "far"
STEPS_BETWEEN = {NEAR: (0, 2), FAR: (5, 7)}
STRIDE = 10  # places from one step to the next: more than lie between them
ANYTHING = ("other", "third")  # what is looked at between the steps


@dataclass(frozen=True)
class Planted:
    """A sequence, how often sessions that buy and that lead nowhere carry it, and what is peculiar to it."""

    name: str
    meaning: str
    buying: float
    browsing: float
    steps: tuple[tuple[int, str], ...]  # event and what it looks at; "same" for a search
    stay: str = USUAL
    between: str = NEAR

    @property
    def preparing(self) -> float:
        """Chance in sessions that prepare a purchase."""
        return (self.buying + self.browsing) / 2

    @property
    def words(self) -> str:
        """The steps as a person reads them."""
        return " > ".join(EVENTS[event] + (f" in {target}" if event == VIEW else "") for event, target in self.steps)


PLANTED = (
    Planted("long_looks", "buying", 0.12, 0.02, ((VIEW, "coats"), (VIEW, "jewellery")), stay=LONG),
    Planted("short_looks", "decoy", 0.02, 0.12, ((VIEW, "coats"), (VIEW, "jewellery")), stay=SHORT),
    Planted("kitchen_then_decor", "buying", 0.12, 0.02, ((VIEW, "kitchen"), (VIEW, "decor"))),
    Planted("decor_then_kitchen", "browsing", 0.02, 0.12, ((VIEW, "decor"), (VIEW, "kitchen"))),
    Planted("near_bags", "browsing", 0.02, 0.12, ((VIEW, "sportswear"), (VIEW, "bags"))),
    Planted("far_bags", "decoy", 0.12, 0.02, ((VIEW, "sportswear"), (VIEW, "bags")), between=FAR),
    Planted("search_between", "buying", 0.10, 0.02, ((VIEW, "bedding"), (SEARCH, "same"), (VIEW, "children"))),
    Planted("search_before", "browsing", 0.02, 0.10, ((SEARCH, "same"), (VIEW, "bedding"), (VIEW, "children"))),
    Planted("alike_on_both", "decoy", 0.06, 0.06, ((VIEW, "children"), (VIEW, "coats"))),
)


@dataclass(frozen=True)
class PlantedSteps:
    """Steps by session and place; the target is a name of `clicks.TARGETS` or of a category."""

    session: IntArray
    place: IntArray
    event: IntArray
    target: np.ndarray
    stay: IntArray  # seconds; -1: as it comes


def chances(share: float) -> FloatArray:
    """By kind of session and planted sequence, and last that a session carries none; rows sum to one."""
    each = share * np.array([[getattr(one, kind) for one in PLANTED] for kind in ("buying", "preparing", "browsing")])
    return np.concatenate([each, 1 - each.sum(axis=1, keepdims=True)], axis=1)


def planted_steps(world: World, day: int, batch: str, sessions: Sessions) -> PlantedSteps:
    """The planted sequences of a day, drawn from a stream of their own."""
    rng = world.rng(f"planted {batch}", day)
    chosen = pick(rng, chances(world.config.planted_share)[sessions.kind])
    parts: list[tuple[IntArray, IntArray, IntArray, np.ndarray, IntArray]] = []
    for row, planted in enumerate(PLANTED):
        owner = np.flatnonzero(chosen == row)
        for number, (event, target) in enumerate(planted.steps):
            low, high = STAY_SECONDS.get(planted.stay, (-1, -1))
            stay = rng.integers(low, high + 1, len(owner))
            parts.append(_part(owner, np.full(len(owner), number * STRIDE), event, np.full(len(owner), target), stay))
            if number + 1 < len(planted.steps):
                fewest, most = STEPS_BETWEEN[planted.between]
                many, place = ragged(rng.integers(fewest, most + 1, len(owner)))
                looked_at = np.array(ANYTHING)[rng.integers(0, len(ANYTHING), len(many))]
                place = number * STRIDE + 1 + place
                parts.append(_part(owner[many], place, VIEW, looked_at, np.full(len(many), -1)))
    return PlantedSteps(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _part(
    owner: IntArray, place: IntArray, event: int, target: np.ndarray, stay: IntArray
) -> tuple[IntArray, IntArray, IntArray, np.ndarray, IntArray]:
    return owner, place, np.full(len(owner), event), target.astype(object), stay
