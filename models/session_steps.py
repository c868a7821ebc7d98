"""Click events of sessions as steps that compare between sessions and that a person can read.

A product's id says nothing of another session, what it is to the products seen before does. So a step of kind `look` is
the event's type and how its product relates to those before it in the session:

    view             no product, or the first one
    view same        the product of the step before that had one
    view back        a product from further before
    view alike       a new product of a category seen before
    view elsewhere   a new product of a new category
    view another     a new product whose category is not known

A step of kind `category` is the event's type and the category (`view in shoes`), or the type alone (`search`).
"""

from dataclasses import dataclass, replace

import numpy as np

from models.pattern_mining import Sequences

LOOK, CATEGORY = "look", "category"
FIRST, SAME, BACK, ALIKE, ELSEWHERE, ANOTHER = range(6)
IN = " in "
RELATIONS = ("", " same", " back", " alike", " elsewhere", " another")
PURCHASE = "purchase"
# A checkout is the purchase begun: whoever is there has made up his mind. Purchase and what follows are the answer.
ENDS = ("checkout", PURCHASE)
LONGEST = 100  # events before the end; longer sessions keep their last ones


@dataclass(frozen=True)
class SessionEvents:
    """Events of sessions, one session after another, each in order of time; codes count from 0, -1 is none."""

    starts: np.ndarray  # (sessions + 1,)
    seconds: np.ndarray  # (events,)
    event: np.ndarray  # (events,): place in `event_names`
    product: np.ndarray  # (events,): the same for the same product
    category: np.ndarray  # (events,): place in `category_names`
    event_names: tuple[str, ...]
    category_names: tuple[str, ...]

    def __len__(self) -> int:
        """Number of sessions."""
        return len(self.starts) - 1

    @property
    def owner(self) -> np.ndarray:
        """The session of each event."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def has(self, *names: str) -> np.ndarray:
        """Which events are of these types."""
        return np.isin(self.event, [place for place, name in enumerate(self.event_names) if name in names])


def is_buying(events: SessionEvents) -> np.ndarray:
    """Which sessions hold a purchase."""
    return np.bincount(events.owner[events.has(PURCHASE)], minlength=len(events)) > 0


def before(events: SessionEvents, ends: tuple[str, ...] = ENDS) -> SessionEvents:
    """Each session up to, and without, its first event of these types; whole where it has none."""
    lengths = np.diff(events.starts)
    place = np.arange(len(events.event)) - np.repeat(events.starts[:-1], lengths)
    end = lengths.copy()
    is_end = events.has(*ends)
    np.minimum.at(end, events.owner[is_end], place[is_end])
    end_of = np.repeat(end, lengths)
    kept = (place < end_of) & (place >= end_of - LONGEST)
    starts = np.concatenate([[0], np.cumsum(np.minimum(end, LONGEST))])
    return replace(
        events,
        starts=starts,
        seconds=events.seconds[kept],
        event=events.event[kept],
        product=events.product[kept],
        category=events.category[kept],
    )


def steps(events: SessionEvents, kind: str) -> tuple[Sequences, tuple[str, ...]]:
    """The sessions as sequences of one kind of step, and the steps' names; items are places in the names."""
    if kind == LOOK:
        code = events.event.astype(np.int64) * len(RELATIONS) + relations(events)
    else:
        code = events.event.astype(np.int64) * (len(events.category_names) + 1) + events.category + 1
    found, items = np.unique(code, return_inverse=True)
    names = tuple(_name(events, kind, int(one)) for one in found)
    return Sequences(items.reshape(-1), events.starts, events.seconds, stays(events)), names


def _name(events: SessionEvents, kind: str, code: int) -> str:
    if kind == LOOK:
        return events.event_names[code // len(RELATIONS)] + RELATIONS[code % len(RELATIONS)]
    event, category = divmod(code, len(events.category_names) + 1)
    return events.event_names[event] + (f"{IN}{events.category_names[category - 1]}" if category else "")


def relations(events: SessionEvents) -> np.ndarray:
    """What each event's product is to the products before it in the session; `FIRST` where it has none."""
    relation = np.full(len(events.event), FIRST)
    at = np.flatnonzero(events.product >= 0)
    if not len(at):
        return relation
    owner, product, category = events.owner[at], events.product[at], events.category[at]
    follows = np.zeros(len(at), dtype=bool)
    follows[1:] = owner[1:] == owner[:-1]
    is_same = follows.copy()
    is_same[1:] &= product[1:] == product[:-1]
    is_new, is_new_category = _is_first(owner, product), _is_first(owner, category)
    relation[at] = np.select(
        [~follows, is_same, ~is_new, category < 0, ~is_new_category], [FIRST, SAME, BACK, ANOTHER, ALIKE], ELSEWHERE
    )
    return relation


def _is_first(owner: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Whether the code appears for the first time in its session."""
    key = owner.astype(np.int64) * (int(code.max()) + 2) + code + 1
    first = np.zeros(len(key), dtype=bool)
    first[np.unique(key, return_index=True)[1]] = True
    return first


def stays(events: SessionEvents) -> np.ndarray:
    """Seconds from each event to the next; NaN for the last, also where the session went on after it.

    Otherwise its stay would be known in sessions that end in a purchase and in few others, and give the answer away.
    """
    stay = np.full(len(events.seconds), np.nan)
    stay[:-1] = np.diff(events.seconds)
    lasts = events.starts[1:][np.diff(events.starts) > 0] - 1
    stay[lasts] = np.nan
    return stay
