"""Frequent sequences under constraints: mined by prefix growth, and looked for in sequences that were not mined.

The constraints are those of Seq2Pat, on which dichotomic pattern mining rests (Wang and Kadioglu 2022, arXiv
2201.09178). An *embedding* of a pattern in a sequence is a choice of places p1 < … < pk whose items are the pattern's
and that keeps every constraint at once:

- gap: p(i+1) - p(i) <= `maximum_gap`, in places of the sequence; 1 asks for neighbours;
- span: seconds from p1 to pk <= `maximum_span_seconds`;
- stay (the paper's dwell time): the mean stay at p1 … pk >= `minimum_mean_stay_seconds`. A stay that is not known is
  left out of the mean; where none is known, the constraint holds.

A sequence shows a pattern when it has one embedding, and counts once however many it has. A pattern is frequent when
enough sequences show it. A prefix of a pattern keeps gap and span where the pattern does, so no infrequent prefix is
grown; a mean is no such thing, so prefixes are counted without it and whole patterns with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

import numpy as np

Items = tuple[int, ...]
SHORTEST = 2  # items of a pattern; one alone is no sequence
_SLACK = 1e-6  # seconds: sums of stays are of floats


@dataclass(frozen=True)
class Constraints:
    """What an embedding must keep, and how many sequences must show a pattern."""

    minimum_support: float = 0.02  # of the sequences
    minimum_count: int = 20  # sequences, however few there are
    maximum_length: int = 3
    maximum_gap: int = 3
    maximum_span_seconds: float = 1800.0
    minimum_mean_stay_seconds: float = 0.0


@dataclass(frozen=True)
class Sequences:
    """Sequences one after another; a negative item is of no pattern, but takes its place."""

    items: np.ndarray  # (places,) integers
    starts: np.ndarray  # (sequences + 1,): where each begins, and the end of the last
    seconds: np.ndarray  # (places,): when, not falling within a sequence
    stays: np.ndarray  # (places,): seconds; NaN where not known

    def __len__(self) -> int:
        """Number of sequences."""
        return len(self.starts) - 1

    def take(self, chosen: np.ndarray) -> "Sequences":
        """The sequences for which the mask (sequences,) is true."""
        lengths = np.diff(self.starts)
        places = np.repeat(chosen, lengths)
        starts = np.concatenate([[0], np.cumsum(lengths[chosen])])
        return Sequences(self.items[places], starts, self.seconds[places], self.stays[places])


def mine(sequences: Sequences, constraints: Constraints) -> dict[Items, int]:
    """All frequent patterns of two items or more, each with the number of sequences that show it."""
    least = max(ceil(constraints.minimum_support * len(sequences)), constraints.minimum_count, 1)
    growth = _Growth(sequences, constraints, _frequent_items(sequences, least))
    found: dict[Items, int] = {}
    waiting: list[tuple[Items, _Embeddings | None]] = [((), None)]
    while waiting:
        prefix, embeddings = waiting.pop()
        for item, grown in growth.grow(embeddings):
            if len(growth.showing(grown, is_prefix=True)) < least:
                continue
            pattern = (*prefix, item)
            count = len(growth.showing(grown))
            if len(pattern) >= SHORTEST and count >= least:
                found[pattern] = count
            if len(pattern) < constraints.maximum_length:
                waiting.append((pattern, grown))
    return dict(sorted(found.items()))


def occurrences(sequences: Sequences, patterns: Sequence[Items], constraints: Constraints) -> np.ndarray:
    """Which sequences show which patterns: (sequences, patterns) booleans. Prefixes in common are grown once.

    Given patterns are looked for whatever their length and support.
    """
    shown = np.zeros((len(sequences), len(patterns)), dtype=bool)
    column = {pattern: place for place, pattern in enumerate(patterns)}
    prefixes = {pattern[:length] for pattern in patterns for length in range(len(pattern))}
    growth = _Growth(sequences, constraints, np.array(sorted({item for pattern in patterns for item in pattern})))
    waiting: list[tuple[Items, _Embeddings | None]] = [((), None)]
    while waiting:
        prefix, embeddings = waiting.pop()
        for item, grown in growth.grow(embeddings):
            pattern = (*prefix, item)
            if pattern in column:
                shown[growth.showing(grown), column[pattern]] = True
            if pattern in prefixes:
                waiting.append((pattern, grown))
    return shown


@dataclass(frozen=True)
class _Embeddings:
    """Embeddings of one pattern, by first and last place; of those that share both, the one with the longest stays."""

    first: np.ndarray
    last: np.ndarray
    surplus: np.ndarray  # sum of (stay - minimum) over known stays: not negative where the mean is long enough


class _Growth:
    """Grows embeddings by one item at a time, over all sequences at once."""

    def __init__(self, sequences: Sequences, constraints: Constraints, items: np.ndarray) -> None:
        lengths = np.diff(sequences.starts)
        self.owner = np.repeat(np.arange(len(lengths)), lengths)
        self.end = np.repeat(sequences.starts[1:], lengths)
        self.seconds = sequences.seconds
        self.items = np.where(np.isin(sequences.items, items), sequences.items, -1)
        self.surplus = np.nan_to_num(sequences.stays - constraints.minimum_mean_stay_seconds, nan=0.0)
        self.has_stay = constraints.minimum_mean_stay_seconds > 0
        self.steps = np.arange(1, min(constraints.maximum_gap, int(lengths.max(initial=1))) + 1)
        self.span = constraints.maximum_span_seconds

    def grow(self, embeddings: _Embeddings | None) -> Iterator[tuple[int, _Embeddings]]:
        """Each item that can follow, with the embeddings of the longer pattern; of no pattern, all single items."""
        if embeddings is None:
            first = last = np.flatnonzero(self.items >= 0)
            return self._by_item(first, last, self.surplus[last])
        places = embeddings.last[:, None] + self.steps
        row, step = np.nonzero(places < self.end[embeddings.last][:, None])
        last, first = places[row, step], embeddings.first[row]
        kept = (self.items[last] >= 0) & (self.seconds[last] - self.seconds[first] <= self.span)
        row, first, last = row[kept], first[kept], last[kept]
        return self._by_item(first, last, embeddings.surplus[row] + self.surplus[last])

    def _by_item(self, first: np.ndarray, last: np.ndarray, surplus: np.ndarray) -> Iterator[tuple[int, _Embeddings]]:
        item = self.items[last]
        order = np.lexsort((-surplus, last, first, item))
        item, first, last, surplus = item[order], first[order], last[order], surplus[order]
        is_best = np.ones(len(item), dtype=bool)
        is_best[1:] = (item[1:] != item[:-1]) | (first[1:] != first[:-1]) | (last[1:] != last[:-1])
        item, first, last, surplus = item[is_best], first[is_best], last[is_best], surplus[is_best]
        bounds = np.concatenate([[0], np.flatnonzero(np.diff(item)) + 1, [len(item)]]) if len(item) else [0]
        for begin, end in pairwise(bounds):
            yield int(item[begin]), _Embeddings(first[begin:end], last[begin:end], surplus[begin:end])

    def showing(self, embeddings: _Embeddings, is_prefix: bool = False) -> np.ndarray:
        """The sequences that have one of the embeddings, each once; of a prefix, whatever the stays."""
        first = embeddings.first
        if self.has_stay and not is_prefix:
            first = first[embeddings.surplus >= -_SLACK]
        owner = self.owner[first]  # not falling, as embeddings are in order of their first place
        return owner[np.diff(owner, prepend=-1) > 0]


def _frequent_items(sequences: Sequences, least: int) -> np.ndarray:
    """Items that enough sequences hold at all: no pattern has another."""
    owner = np.repeat(np.arange(len(sequences)), np.diff(sequences.starts))
    is_item = sequences.items >= 0
    pairs = np.unique(sequences.items[is_item].astype(np.int64) * (len(sequences) + 1) + owner[is_item])
    items, counts = np.unique(pairs // (len(sequences) + 1), return_counts=True)
    return items[counts >= least]
