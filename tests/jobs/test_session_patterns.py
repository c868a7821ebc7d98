"""Session patterns in the engine: the sample, the counts over all sessions, and what a night writes of them."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from features.patterns import WINDOW_DAYS
from jobs import session_patterns
from models.base import TrainingDataError
from models.registry import register
from models.session_patterns import Rule, SessionPattern, SessionPatternConfig, SessionPatterns
from models.session_steps import LOOK
from schemas.clean import CLEAN_EVENTS
from schemas.feature import FEATURE_CUSTOMER_DAY, FEATURE_PATTERN

D = date(2024, 6, 30)
CONFIG = SessionPatternConfig(minimum_support=0.05, minimum_count=2, minimum_sessions=5)
WORDS = {"v": "view", "s": "search", "c": "checkout", "p": "purchase"}


def visit(session: str, steps: str, customer: str | None = None, age: int = 1, **more) -> list[dict]:
    """Events of a session, minute by minute; every view is of the one product."""
    day = D - timedelta(days=age)
    start = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    common = {"session_id": session, "customer_id": customer, "event_date": day, "ingest_date": day} | more
    return [
        common
        | {
            "event_id": f"{session}-{n:02}",
            "event_type": WORDS[step],
            "event_at": start + timedelta(minutes=n),
            "product_id": "p" if step == "v" else None,
            "category": "shoes" if step == "v" else None,
        }
        for n, step in enumerate(steps)
    ]


def shop(buying: int = 30, browsing: int = 40) -> list[dict]:
    """Buyers search and look, others look twice; guests, each session of a day of its own within the last month."""
    bought = [visit(f"b{n:03}", "svcp", age=1 + n % 30) for n in range(buying)]
    looked = [visit(f"n{n:03}", "vv" if n % 4 else "sv", age=1 + n % 30) for n in range(browsing)]
    return [row for one in bought + looked for row in one]


@pytest.fixture
def clicked(make_run, frame):
    """`clicked(rows)`: the run of D on a lake with these clean events."""

    def make(rows: list[dict]):
        run = make_run(D)
        make_run(D - timedelta(days=200), D).replace(frame(CLEAN_EVENTS, *rows), CLEAN_EVENTS)
        return run

    return make


def test_a_trained_pattern_has_the_counts_of_all_sessions_not_of_the_sample(clicked):
    sampled = SessionPatternConfig(minimum_support=0.05, minimum_count=2, minimum_sessions=5, sample_each=20)
    model = session_patterns.fit(clicked(shop()), sampled)
    found = {one.rule.name: (one.buying_count, one.browsing_count, one.side) for one in model.patterns}
    assert (model.buying_sessions, model.browsing_sessions) == (30, 40)
    assert found["search > view"] == (30, 10, "buying")
    assert found["view > view same"] == (0, 30, "browsing")


def test_bots_and_old_sessions_are_not_learned_from(clicked):
    rows = shop() + visit("bot", "svcp", is_bot=True) + visit("old", "svcp", age=WINDOW_DAYS)
    assert session_patterns.fit(clicked(rows), CONFIG).buying_sessions == 30


def test_a_shop_without_clicks_or_with_few_is_left_out_with_a_reason(make_run, clicked):
    with pytest.raises(TrainingDataError, match="no clicks"):
        session_patterns.fit(make_run(D), CONFIG)
    with pytest.raises(TrainingDataError, match="got 2 and 3"):
        session_patterns.fit(clicked(shop(2, 3)), CONFIG)


def test_events_come_in_order_of_time_and_id_whatever_order_the_engine_has_them_in():
    at = datetime(2024, 6, 1, tzinfo=UTC)
    one = [(at + timedelta(seconds=5), "e2", "search", None, None), (at, "e3", "view", "p", "shoes")]
    one += [(at, "e1", "view", "q", None)]
    kind = pa.list_(
        pa.struct(
            [("event_at", pa.timestamp("us", "UTC"))]
            + [(name, pa.string()) for name in ("event_id", "event_type", "product_id", "category")]
        )
    )
    names = ("event_at", "event_id", "event_type", "product_id", "category")
    lists = [[dict(zip(names, row, strict=True)) for row in rows] for rows in ([], one, one[:1])]
    events = session_patterns.events_of(pa.array([[], *lists], kind).slice(1))
    assert events.starts.tolist() == [0, 0, 3, 4]
    assert [events.event_names[code] for code in events.event] == ["view", "view", "search", "search"]
    assert np.diff(events.seconds).tolist() == [0, 5, 0]
    assert len(set(events.product[:2])) == 2 and events.product[2] == -1
    assert [events.category_names[code] if code >= 0 else None for code in events.category] == [None, "shoes"] + [
        None
    ] * 2


def champion(run) -> str:
    """Registers a model of three patterns and returns its name and version."""
    known = {("search", "view"): "buying", ("view", "view same"): "browsing", ("search", "search"): "shared"}
    patterns = tuple(SessionPattern(Rule(LOOK, steps), 1, 1, 1.0, side) for steps, side in known.items())
    run.settings.models.mkdir(parents=True)
    model = SessionPatterns(patterns, 1, 1, CONFIG, seed=1)
    version = register("session_patterns", model, tracking_uri=run.settings.tracking_uri, training_key="test")
    return f"session_patterns-{version}"


def test_a_night_writes_what_each_customer_showed_and_each_sides_share_of_all_sessions(clicked, run_job, assert_rows):
    rows = visit("a", "svcp", "x") + visit("b", "svsvp", "x", age=9) + visit("c", "vv", "y") + visit("d", "vvp")
    run = clicked(rows + visit("e", "sv") + visit("f", "ssvs", "x") + visit("g", "c", "z"))
    run.ensure(FEATURE_CUSTOMER_DAY)
    version = champion(run)
    run_job("snapshot", D)
    common = {"as_of_date": D, "model_version": version}
    buying = {
        "pattern_kind": "session_buying",
        "pattern": "search > view",
        "buying_share": 2 / 3,
        "browsing_share": 2 / 4,
    }
    browsing = {
        "pattern_kind": "session_browsing",
        "pattern": "view > view same",
        "buying_share": 2 / 3,
        "browsing_share": 1 / 4,
    }
    shared = {
        "pattern_kind": "session_shared",
        "pattern": "search > search",
        "buying_share": 1 / 3,
        "browsing_share": 1 / 4,
    }
    expected = [
        common | buying | {"customer_id": "x", "occurrence_count": 3, "customer_share": 1.0},
        common | browsing | {"customer_id": "x", "occurrence_count": 1, "customer_share": 1.0},
        common | browsing | {"customer_id": "y", "occurrence_count": 1, "customer_share": 1.0},
        common | shared | {"customer_id": "x", "occurrence_count": 2, "customer_share": 1.0},
    ]
    of_model = run.read(FEATURE_PATTERN).filter("pattern_kind LIKE 'session_%'")
    assert_rows(of_model, expected, FEATURE_PATTERN)
    assert not list(run.settings.staging.glob("patterns*"))


def test_without_a_model_the_table_has_the_kinds_of_before(clicked, run_job):
    run = clicked(visit("a", "svsp", "x"))
    run.ensure(FEATURE_CUSTOMER_DAY)
    run_job("snapshot", D)
    assert {(row.pattern_kind, row.model_version) for row in run.read(FEATURE_PATTERN).collect()} == {("session", None)}
