"""Sequences planted in the sessions, for later work to find. This table is the truth about them.

A step is an event and what it looks at: `same` = the product of interest, `like` = another product of its category,
`other` and `third` = products of two further interests, a category's name = a product of that category.
Each session carries exactly one body. Chances are by kind of session: `buying` ends in a purchase, `preparing` lies
1..5 days before one (half its bodies are drawn as in buying), `browsing` leads nowhere. A decoy is as frequent in all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EVENTS = ("view", "search", "add_to_cart", "remove_from_cart", "checkout", "purchase", "login")
VIEW, SEARCH, ADD, REMOVE, CHECKOUT, PURCHASE, LOGIN = range(7)
BUYING, PREPARING, BROWSING = range(3)
KINDS = ("buying", "preparing", "browsing")


@dataclass(frozen=True)
class Pattern:
    """One body of a session and how often each kind of session carries it."""

    name: str
    meaning: str
    buying: float
    browsing: float
    steps: tuple[tuple[int, str], ...]

    @property
    def preparing(self) -> float:
        """Chance in sessions that prepare a purchase."""
        return (self.buying + self.browsing) / 2


PATTERNS = (
    Pattern("compare_alike", "buying", 0.34, 0.08, ((VIEW, "like"), (VIEW, "like"), (VIEW, "same"))),
    Pattern("search_then_look_twice", "buying", 0.28, 0.07, ((SEARCH, "same"), (VIEW, "same"), (VIEW, "same"))),
    Pattern("dresses_then_shoes", "buying", 0.10, 0.02, ((VIEW, "dresses"), (VIEW, "shoes"))),
    Pattern("window_shopping", "browsing", 0.05, 0.33, ((VIEW, "same"), (VIEW, "other"), (VIEW, "third"))),
    Pattern("search_storm", "browsing", 0.03, 0.17, ((SEARCH, "same"), (SEARCH, "other"), (SEARCH, "same"))),
    Pattern("cart_regret", "browsing", 0.02, 0.12, ((VIEW, "same"), (ADD, "same"), (REMOVE, "same"))),
    Pattern("back_and_forth", "decoy", 0.10, 0.10, ((VIEW, "same"), (VIEW, "other"), (VIEW, "same"))),
    Pattern("dresses_then_bags", "decoy", 0.03, 0.03, ((VIEW, "dresses"), (VIEW, "bags"))),
    Pattern("one_look", "none", 0.05, 0.08, ((VIEW, "same"),)),
)


def pattern_chances() -> np.ndarray:
    """Chances by kind of session and pattern; rows sum to one."""
    return np.array([[getattr(pattern, kind) for pattern in PATTERNS] for kind in KINDS])


def describe(pattern: Pattern) -> str:
    """The steps as text, such as `view:like > view:same`."""
    return " > ".join(f"{EVENTS[event]}:{target}" for event, target in pattern.steps)
