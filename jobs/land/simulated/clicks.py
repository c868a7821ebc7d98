"""Clicks of one day: each visit becomes its events, with times, and robots come beside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.land.simulated import sessions as visits
from jobs.land.simulated.catalogue import CATEGORY_NAMES
from jobs.land.simulated.orders import Orders, orders_of_day
from jobs.land.simulated.patterns import (
    ADD,
    BUYING,
    CHECKOUT,
    LOGIN,
    PATTERNS,
    PURCHASE,
    SEARCH,
    VIEW,
    pattern_chances,
)
from jobs.land.simulated.people import DEVICES_MAX
from jobs.land.simulated.planted import planted_steps
from jobs.land.simulated.sessions import Sessions, sessions_of_day
from jobs.land.simulated.streams import BoolArray, IntArray, pick, ragged
from jobs.land.simulated.world import World

BOT = "bot"  # the batch of robots
TARGETS = ("same", "like", "other", "third")  # as category codes -1 .. -4; a name in the catalogue is its own code
FILLERS_MEAN = 0.7  # views of another interest after the body
PLANTED_FIRST = 1_000  # puts planted steps before the other views of their part
GAP_SECONDS = (5, 1_200)  # below the half hour that ends a session
QUERIES_EACH = 4  # search texts for each category
AGENTS_EACH = 3  # user agents for each device type
AGENTS_BOT = (9, 10)  # of robots that say so
BOT_CUSTOMERS_EACH = 400  # one robot for so many customers


@dataclass(frozen=True)
class Clicks:
    """Events of one day and batch in the order of sessions and time; -1 stands for empty."""

    session: IntArray
    second: IntArray
    visitor: IntArray
    device: IntArray  # that tells its id
    email: IntArray  # of the person whose address the event names
    customer: IntArray  # known to the shop only after a login
    event: IntArray
    product: IntArray
    category: IntArray
    order: IntArray
    query: IntArray
    device_type: IntArray
    agent: IntArray
    referrer: IntArray
    is_kept: BoolArray

    def __len__(self) -> int:
        """Number of events."""
        return len(self.second)


@dataclass(frozen=True)
class _Steps:
    """Part of the events, before they are put in order; targets are category codes or `TARGETS`."""

    session: IntArray
    part: int
    place: IntArray
    event: IntArray
    target: IntArray
    product: IntArray  # -1: to be chosen by target
    stay: IntArray  # seconds to the next event; -1: as it comes


def clicks_of_day(world: World, day: int, batch: str) -> tuple[Clicks, Sessions]:
    """All events of the people of one day."""
    rng = world.rng(f"clicks {batch}", day)
    sessions = sessions_of_day(world, day, batch, rng)
    orders = orders_of_day(world, day, batch)
    parts = _parts(rng, world, sessions, orders)
    if world.config.planted_share:
        parts.append(_planted(world, day, batch, sessions))
    steps = _ordered(parts)
    owner, event = steps.session, steps.event
    category, product = _looked_at(rng, world, sessions, steps)
    has_product = (event != SEARCH) & (event != CHECKOUT) & (event != PURCHASE) & (event != LOGIN)
    queries = category * QUERIES_EACH + rng.integers(0, QUERIES_EACH, len(event))
    logged_in = np.cumsum(event == LOGIN)
    before = (logged_in - (event == LOGIN))[np.searchsorted(owner, owner)]
    visitor = sessions.visitor[owner]
    device_type = sessions.device_type[owner]
    clicks = Clicks(
        session=owner,
        second=_times(rng, world, day, sessions, orders, steps),
        visitor=visitor,
        device=sessions.device[owner],
        email=_given_emails(world, day, sessions, owner, event),
        customer=np.where(logged_in > before, sessions.customer[owner], -1),
        event=event,
        product=np.where(has_product, product, -1),
        category=np.where(has_product, category, -1),
        order=np.where(event == PURCHASE, sessions.order[owner], -1),
        query=np.where(event == SEARCH, queries, -1),
        device_type=device_type,
        agent=device_type * AGENTS_EACH + visitor % AGENTS_EACH,
        referrer=sessions.referrer[owner],
        is_kept=sessions.is_kept[owner],
    )
    return clicks, sessions


def _given_emails(world: World, day: int, sessions: Sessions, owner: IntArray, event: IntArray) -> IntArray:
    """The person whose address a purchase without a log-in gives; -1 elsewhere."""
    draw = world.rng("emails", day).random(len(sessions))
    gives = (sessions.login == visits.GUEST) & (draw < world.config.guest_email_share)
    return np.where((event == PURCHASE) & gives[owner], world.households.person[sessions.customer[owner]], -1)


def _parts(rng: np.random.Generator, world: World, sessions: Sessions, orders: Orders) -> list[_Steps]:
    """The parts of a session in their order: login, body, other views, cart, late login, checkout, purchase."""
    every = np.arange(len(sessions), dtype=np.int64)
    is_buying = sessions.kind == BUYING
    fillers, _ = ragged(rng.poisson(FILLERS_MEAN, len(sessions)))
    leaves = every[sessions.is_abandoning]
    to_checkout = leaves[rng.random(len(leaves)) < 0.4]
    return [
        _one(every[sessions.login == visits.EARLY_LOGIN], 0, LOGIN),
        _bodies(rng, sessions),
        _one(fillers, 2, VIEW, TARGETS.index("other")),
        _one(leaves, 3, ADD),
        # Orders come first among a day's sessions, so an order's place is its session's place.
        _Steps(orders.line_order, 4, orders.line_number, np.full(len(orders.line_order), ADD),
               world.catalogue.category[orders.product], orders.product, np.full(len(orders.product), -1)),
        _one(every[sessions.login == visits.LATE_LOGIN], 5, LOGIN),
        _one(np.concatenate([every[is_buying], to_checkout]), 6, CHECKOUT),
        _one(every[is_buying], 7, PURCHASE),
    ]  # fmt: skip


def _one(session: IntArray, part: int, event: int, target: int = 0) -> _Steps:
    count = len(session)
    code, none = np.full(count, -1 - target), np.full(count, -1)
    return _Steps(session, part, np.arange(count, dtype=np.int64), np.full(count, event), code, none, none)


def _planted(world: World, day: int, batch: str, sessions: Sessions) -> _Steps:
    """The sequences of `planted.py`, between body and other views."""
    planted = planted_steps(world, day, batch, sessions)
    target = np.array([_target_code(name) for name in planted.target], dtype=np.int64)
    none = np.full(len(target), -1)
    return _Steps(planted.session, 2, planted.place - PLANTED_FIRST, planted.event, target, none, planted.stay)


def _target_code(target: str) -> int:
    return -1 - TARGETS.index(target) if target in TARGETS else CATEGORY_NAMES.index(target)


def _bodies(rng: np.random.Generator, sessions: Sessions) -> _Steps:
    """One planted pattern for each session."""
    chosen = pick(rng, pattern_chances()[sessions.kind])
    owner, place = ragged(np.array([len(pattern.steps) for pattern in PATTERNS])[chosen])
    longest = max(len(pattern.steps) for pattern in PATTERNS)
    table = np.zeros((2, len(PATTERNS), longest), dtype=np.int64)
    for row, pattern in enumerate(PATTERNS):
        for column, (event, target) in enumerate(pattern.steps):
            table[:, row, column] = event, _target_code(target)
    event, target_code = table[:, chosen[owner], place]
    none = np.full(len(owner), -1)
    return _Steps(owner, 1, place, event, target_code, none, none)


def _ordered(parts: list[_Steps]) -> _Steps:
    part = np.repeat([steps.part for steps in parts], [len(steps.session) for steps in parts])
    joined = {
        name: np.concatenate([getattr(steps, name) for steps in parts])
        for name in ("session", "place", "event", "target", "product", "stay")
    }
    order = np.lexsort((joined["place"], part, joined["session"]))
    return _Steps(part=-1, **{name: values[order] for name, values in joined.items()})


def _looked_at(rng: np.random.Generator, world: World, sessions: Sessions, steps: _Steps) -> tuple[IntArray, IntArray]:
    """Category and product of each step."""
    owner, target = steps.session, steps.target
    interest = np.array([0, 0, 1, 2])[np.clip(-1 - target, 0, 3)]
    category = np.where(target >= 0, target, sessions.category[owner, interest])
    another = world.catalogue.choose(rng, category, sessions.tier[owner])
    product = np.where(target == -1, sessions.focus[owner], another)
    return category, np.where(steps.product >= 0, steps.product, product)


def _times(
    rng: np.random.Generator, world: World, day: int, sessions: Sessions, orders: Orders, steps: _Steps
) -> IntArray:
    """Seconds since midnight. A purchase happens when its order says; no session crosses midnight."""
    count, owner = len(sessions), steps.session
    gaps = np.clip(rng.lognormal(3.2, 0.9, len(owner)), *GAP_SECONDS).astype(np.int64)
    told = np.flatnonzero(steps.stay[:-1] >= 0)
    gaps[told + 1] = steps.stay[told]
    first = np.searchsorted(owner, np.arange(count))
    running = np.cumsum(gaps)
    since_start = running - running[first][owner] if count else running
    length = since_start[np.append(first[1:], len(owner)) - 1] if count else running
    starts = np.minimum(world.seconds(rng, day, count), world.day_length(day) - 1 - length)
    ends = starts + length
    is_buying = sessions.kind == BUYING
    ends[is_buying] = orders.second[sessions.order[is_buying]]
    squeeze = np.minimum(1.0, ends / np.maximum(length, 1))
    return ends[owner] - np.floor((length[owner] - since_start) * squeeze[owner]).astype(np.int64)


def bots_of_day(world: World, day: int) -> Clicks:
    """Robots: long, even walks over random products; half of them call themselves robots."""
    rng, share = world.rng("clicks bot", day), world.config.bot_share
    expected_visits = world.purchase_rates(day) @ (1 + world.people.extra_visits)
    count = int(rng.poisson(expected_visits * share / (1 - share)))
    robots = max(world.config.customers // BOT_CUSTOMERS_EACH, 2)
    robot = rng.integers(0, robots, count)
    length, gap = rng.integers(15, 60, count), rng.integers(1, 4, count)
    start = (rng.random(count) * (world.day_length(day) - 200)).astype(np.int64)
    owner, place = ragged(length)
    product = rng.integers(0, world.config.products, len(owner))
    agent = np.where(robot % 2 == 0, np.array(AGENTS_BOT)[robot // 2 % 2], AGENTS_EACH)
    none = np.full(len(owner), -1)
    return Clicks(
        session=owner,
        second=start[owner] + place * gap[owner],
        visitor=bot_visitor(world, robot)[owner],
        device=none,
        email=none,
        customer=none,
        event=np.full(len(owner), VIEW),
        product=product,
        category=world.catalogue.category[product],
        order=none,
        query=none,
        device_type=np.ones(len(owner), dtype=np.int64),
        agent=agent[owner],
        referrer=np.zeros(len(owner), dtype=np.int64),
        is_kept=np.ones(len(owner), dtype=bool),
    )


def bot_visitor(world: World, robot: IntArray) -> IntArray:
    """Visitor numbers of robots follow those of people."""
    return world.config.customers * DEVICES_MAX + robot


def clicks_by_batch(world: World, day: int, batch: str) -> Clicks:
    """Events of people or of robots."""
    return bots_of_day(world, day) if batch == BOT else clicks_of_day(world, day, batch)[0]
