"""Dichotomic pattern mining: what buying sessions do that others do not, and the other way round.

After Wang and Kadioglu 2022 (arXiv 2201.09178): frequent sequences are mined apart on both sides of the dichotomy, on a
sample; then every pattern found on either side is counted on all sessions. The paper gives a pattern to one side where
it is frequent there and not on the other; one that is as frequent on both then falls to a side by a hair's breadth
where it lies near the threshold. Here a pattern is of a side when it is `minimum_lift` times as frequent there and
`minimum_deviations` standard errors tell that from chance; the others are shared.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import exp, log, sqrt
from pathlib import Path

import numpy as np

from models.base import TrainingDataError, read_json, with_tuples, write_json
from models.pattern_mining import Constraints, mine, occurrences
from models.session_steps import CATEGORY, ENDS, IN, LOOK, SessionEvents, before, is_buying, steps

BUYING, BROWSING, SHARED = "buying", "browsing", "shared"
SIDES = (BUYING, BROWSING, SHARED)


@dataclass(frozen=True)
class SessionPatternConfig:
    """Constraints of the patterns (see `models/pattern_mining.py`), and what makes one of a side."""

    minimum_support: float = 0.05  # of the sessions of a side
    minimum_count: int = 20
    maximum_length: int = 3
    maximum_gap: int = 3
    maximum_span_seconds: float = 1800.0
    long_stay_seconds: float = 60.0  # patterns are mined with and without this mean stay; 0: without alone
    minimum_lift: float = 1.5
    minimum_deviations: float = 3.0
    stay_gain: float = 1.25  # a pattern with a stay is kept where its lift is so much further from 1 than without
    maximum_each: int = 250  # patterns kept of each side, and shared
    minimum_sessions: int = 100  # of each side, to learn from
    sample_each: int = 20_000  # sessions of each side that are mined
    ends: tuple[str, ...] = ENDS

    def constraints(self, stay_seconds: float) -> Constraints:
        """The constraints, with a mean stay."""
        limits = (self.minimum_support, self.minimum_count, self.maximum_length, self.maximum_gap)
        return Constraints(*limits, self.maximum_span_seconds, stay_seconds)

    @property
    def families(self) -> tuple[tuple[str, float], ...]:
        """(kind of step, mean stay) of the patterns that are mined."""
        stays = (0.0, self.long_stay_seconds) if self.long_stay_seconds > 0 else (0.0,)
        return tuple((kind, stay) for kind in (LOOK, CATEGORY) for stay in stays)


@dataclass(frozen=True, order=True)
class Rule:
    """What a session must do to show a pattern, beside the constraints that all patterns share."""

    kind: str
    steps: tuple[str, ...]
    mean_stay_seconds: float = 0.0

    @property
    def name(self) -> str:
        """As a person reads it."""
        stay = f" (mean stay {self.mean_stay_seconds:g} s)" if self.mean_stay_seconds else ""
        return " > ".join(self.steps) + stay


@dataclass(frozen=True)
class SessionPattern:
    """A pattern with the sessions that show it on each side; lift is the share of buying ones over that of others."""

    rule: Rule
    buying_count: int
    browsing_count: int
    lift: float
    side: str


def candidates(events: SessionEvents, config: SessionPatternConfig) -> tuple[Rule, ...]:
    """Patterns that are frequent on either side of these sessions."""
    buys = is_buying(events)
    if min(buys.sum(), (~buys).sum()) < config.minimum_sessions:
        raise TrainingDataError(
            f"session patterns need {config.minimum_sessions} sessions with a purchase and as many without, "
            f"got {buys.sum()} and {(~buys).sum()}"
        )
    known = before(events, config.ends)
    found: set[Rule] = set()
    for kind, stay in config.families:
        sequences, names = steps(known, kind)
        for side in (buys, ~buys):
            frequent = mine(sequences.take(side), config.constraints(stay))
            found |= {Rule(kind, tuple(names[item] for item in pattern), stay) for pattern in frequent}
    # Without a category in it, a pattern of that kind says what one of kind `look` says.
    return tuple(sorted(rule for rule in found if rule.kind == LOOK or any(IN in step for step in rule.steps)))


def encode(events: SessionEvents, rules: Sequence[Rule], config: SessionPatternConfig) -> np.ndarray:
    """Which sessions show which patterns before their end: (sessions, rules) booleans."""
    known = before(events, config.ends)
    shown = np.zeros((len(events), len(rules)), dtype=bool)
    for kind, stay in sorted({(rule.kind, rule.mean_stay_seconds) for rule in rules}):
        sequences, names = steps(known, kind)
        code = {name: place for place, name in enumerate(names)}
        places, patterns = [], []
        for place, rule in enumerate(rules):
            of_family = (rule.kind, rule.mean_stay_seconds) == (kind, stay)
            if of_family and all(step in code for step in rule.steps):
                places.append(place)
                patterns.append(tuple(code[step] for step in rule.steps))
        shown[:, places] = occurrences(sequences, patterns, config.constraints(stay))
    return shown


@dataclass(frozen=True)
class SessionPatterns:
    """The patterns of one shop, strongest first within buying, browsing and shared."""

    patterns: tuple[SessionPattern, ...]
    buying_sessions: int
    browsing_sessions: int
    config: SessionPatternConfig
    seed: int  # of the sample
    feature_names: tuple[str, ...] = ("event_type", "product_id", "category", "event_at")

    @classmethod
    def judge(
        cls,
        rules: Sequence[Rule],
        counts: tuple[np.ndarray, np.ndarray],
        sessions: tuple[int, int],
        config: SessionPatternConfig,
        seed: int,
    ) -> "SessionPatterns":
        """Give each candidate its side, by counts over all (buying, browsing) sessions, and keep the strongest."""
        judged = [
            _judged(rule, (int(buying), int(browsing)), sessions, config)
            for rule, buying, browsing in zip(rules, *counts, strict=True)
        ]
        plain = {pattern.rule.steps: log(pattern.lift) for pattern, _ in judged if not pattern.rule.mean_stay_seconds}
        gain = log(config.stay_gain)
        telling = [
            (pattern, deviations)
            for pattern, deviations in judged
            if not pattern.rule.mean_stay_seconds
            or abs(log(pattern.lift)) >= abs(plain.get(pattern.rule.steps, 0.0)) + gain
        ]
        kept: list[SessionPattern] = []
        for side in SIDES:
            of_side = [(pattern, deviations) for pattern, deviations in telling if pattern.side == side]
            # What is shared is the more worth knowing the more often it is seen.
            rank = [
                (-(pattern.buying_count + pattern.browsing_count) if side == SHARED else -abs(deviations), pattern.rule)
                for pattern, deviations in of_side
            ]
            order = sorted(range(len(of_side)), key=rank.__getitem__)
            kept += [of_side[place][0] for place in order[: config.maximum_each]]
        return cls(tuple(kept), *sessions, config, seed)

    @property
    def metrics(self) -> dict[str, float]:
        """How many sessions were counted and how many patterns are of which side."""
        told = {f"{side}_patterns": float(sum(one.side == side for one in self.patterns)) for side in SIDES}
        return {
            **told,
            "buying_sessions": float(self.buying_sessions),
            "browsing_sessions": float(self.browsing_sessions),
        }

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What a session must do, pattern by pattern."""
        return tuple(pattern.rule for pattern in self.patterns)

    def predict(self, events: SessionEvents) -> np.ndarray:
        """Which sessions show which patterns: (sessions, patterns) booleans."""
        return encode(events, self.rules, self.config)

    def save(self, directory: Path) -> None:
        """Write `session_patterns.json`."""
        patterns = [asdict(pattern) | {"name": pattern.rule.name} for pattern in self.patterns]
        keys = ("buying_sessions", "browsing_sessions", "seed", "feature_names")
        content = {key: getattr(self, key) for key in keys}
        write_json(directory, "session_patterns.json", {**content, "config": asdict(self.config), "patterns": patterns})

    @classmethod
    def load(cls, directory: Path) -> "SessionPatterns":
        """Read what `save` wrote."""
        content = with_tuples(read_json(directory, "session_patterns.json"))
        patterns = []
        for told in content["patterns"]:
            told.pop("name")
            patterns.append(SessionPattern(**{**told, "rule": Rule(**with_tuples(told["rule"]))}))
        config = SessionPatternConfig(**with_tuples(content["config"]))
        return cls(**{**content, "patterns": tuple(patterns), "config": config})


def _judged(
    rule: Rule, counts: tuple[int, int], sessions: tuple[int, int], config: SessionPatternConfig
) -> tuple[SessionPattern, float]:
    """The pattern, and how many standard errors apart its shares are; half a session is added, so that no lift is 0."""
    (buying, browsing), (all_buying, all_browsing) = counts, sessions
    strength = log((buying + 0.5) / (all_buying + 1)) - log((browsing + 0.5) / (all_browsing + 1))
    share = (buying + browsing) / (all_buying + all_browsing)
    error = sqrt(share * (1 - share) * (1 / all_buying + 1 / all_browsing))
    deviations = (buying / all_buying - browsing / all_browsing) / error if error > 0 else 0.0
    is_one_sided = abs(strength) >= log(config.minimum_lift) and abs(deviations) >= config.minimum_deviations
    side = SHARED if not is_one_sided else BUYING if strength > 0 else BROWSING
    return SessionPattern(rule, buying, browsing, exp(strength), side), deviations
