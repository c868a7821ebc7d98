"""Sessions: a gap ends one, midnight does not, and no run moves what an earlier run placed."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.sessions import BotLimits, clean_events, sessions
from schemas.clean import CLEAN_EVENTS, CLEAN_SESSIONS
from schemas.raw import RAW_CLICKSTREAM
from schemas.session_starts import StartRules, start_rules

DAY = date(2024, 3, 1)
MIDNIGHT = datetime(2024, 3, 1, tzinfo=UTC)
GAP, BOT_RATE, BOT_DAY = 30, 60, 100
RULES = start_rules("UTC")
LIMITS = BotLimits(BOT_RATE, BOT_DAY)


def click(event_id: str, minute: float, run: int | None = None, **more) -> dict:
    """A click so many minutes after the first midnight; on time unless `run` says which night brought it."""
    when = MIDNIGHT + timedelta(minutes=minute)
    brought = when.date() if run is None else DAY + timedelta(days=run)
    known = {"event_id": event_id, "event_at": when, "event_date": when.date(), "ingest_date": brought}
    return {"visitor_id": "v", "event_type": "view"} | known | more


@pytest.fixture
def placed(frame, spark, assert_rows):
    """Clean events of clicks run night by night, each night with what the nights before left."""

    def place(*clicks: dict, at_once: bool = False) -> list[dict]:
        done: list[dict] = []
        nights = [None] if at_once else sorted({row["ingest_date"] for row in clicks})
        for night in nights:
            new = frame(RAW_CLICKSTREAM, *(row for row in clicks if night in (None, row["ingest_date"])))
            earlier = spark.createDataFrame([tuple(row.values()) for row in done], CLEAN_EVENTS.struct)
            events = clean_events(new, earlier, GAP, LIMITS).select(*CLEAN_EVENTS.column_names)
            found = [row.asDict() for row in events.collect()]
            assert_rows(events, found, CLEAN_EVENTS)
            done += found
        return done

    return place


@pytest.fixture
def groups(placed):
    """Events by session, as sets of event ids."""

    def group(*clicks: dict) -> list[str]:
        by_session: dict[str, str] = {}
        for row in sorted(placed(*clicks), key=lambda row: row["event_id"]):
            by_session[row["session_id"]] = by_session.get(row["session_id"], "") + row["event_id"]
        return sorted(by_session.values())

    return group


def test_a_session_ends_after_a_gap(groups):
    assert groups(click("a", 600), click("b", 630), click("c", 661)) == ["ab", "c"]


def test_visitors_have_sessions_of_their_own(groups):
    assert groups(click("a", 600), click("b", 600, visitor_id="w")) == ["a", "b"]


def test_a_session_reaches_across_midnight_under_one_id(groups, placed):
    clicks = (click("a", 1430), click("b", 1445), click("c", 1500))
    assert groups(*clicks) == ["ab", "c"]
    assert [row["is_session_start"] for row in placed(*clicks)].count(True) == 2


def test_a_late_click_joins_the_session_around_it(groups):
    assert groups(click("a", 600), click("b", 625), click("c", 610, run=2), click("d", 1500)) == ["abc", "d"]


def test_a_late_click_near_a_sessions_end_joins_it_and_moves_nothing(groups, placed):
    clicks = (click("a", 600), click("b", 655), click("c", 628, run=1))
    assert groups(*clicks) == ["ac", "b"]
    dwell = {row["event_id"]: row["dwell_seconds"] for row in placed(*clicks)}
    assert dwell == {"a": 0.0, "b": 0.0, "c": 0.0}


def test_late_clicks_alone_open_a_session_of_their_own(groups):
    assert groups(click("a", 600), click("b", 900, run=1), click("c", 910, run=1), click("d", 905, run=2)) == [
        "a",
        "bc",
        "d",
    ]


def test_what_a_later_run_adds_to_a_session_draws_no_click_into_it_that_an_earlier_run_placed(groups, placed):
    """A clock ahead: the click of 00:35 comes a night early, before the session reaches to 00:10."""
    clicks = (click("a", 1430), click("b", 1475, run=0), click("c", 1450))
    assert groups(*clicks) == ["ac", "b"]
    one = {row["event_id"]: row["session_id"] for row in placed(*clicks)}
    assert one == {row["event_id"]: row["session_id"] for row in placed(*clicks, at_once=True)}


@pytest.mark.parametrize(
    ("agent", "is_bot"),
    [
        ("bot", True),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", True),
        ("UBot Studio", True),
        ("Mozilla/5.0 (Linux; Android 10; CUBOT X30) AppleWebKit/537.36", False),
        ("Mozilla/5.0 (Linux; Android 10; Cubot; rv:1) curl/8.0", True),
    ],
)
def test_a_phone_whose_make_ends_in_bot_is_none(placed, agent, is_bot):
    assert [row["is_bot"] for row in placed(click("c", 600, user_agent=agent))] == [is_bot]


def test_agents_and_rates_tell_of_bots(placed):
    fast = [click(f"f{place:02}", 700 + place / 100, visitor_id="fast") for place in range(BOT_RATE + 1)]
    named = click("named", 600, user_agent="Mozilla/5.0 (compatible; Googlebot/2.1)", visitor_id="g")
    slow = [click(f"s{place:02}", 700 + place / 100, visitor_id="slow") for place in range(BOT_RATE)]
    flags = Counter((row["visitor_id"], row["is_bot"]) for row in placed(*fast, named, *slow))
    assert flags == {("fast", True): BOT_RATE + 1, ("g", True): 1, ("slow", False): BOT_RATE}


@pytest.mark.parametrize("at_once", [False, True])
def test_a_bot_is_one_in_all_of_its_session_from_the_run_on_that_tells(placed, at_once):
    burst = [click(f"f{place:02}", 1470 + place / 100) for place in range(BOT_RATE + 1)]
    clicks = (click("a", 1430), click("b", 1445), *burst, click("z", 1480), click("next", 2000))
    flags = {row["event_id"]: row["is_bot"] for row in placed(*clicks, at_once=at_once)}
    told = (flags["a"], flags["b"], flags["f00"], flags["z"], flags["next"])
    assert told == (False, True, True, True, False)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_bot_that_goes_on_after_midnight_stays_one(placed, at_once):
    clicks = (click("a", 1430, user_agent="spider"), click("b", 1445), click("c", 1460), click("d", 2000))
    flags = {row["event_id"]: row["is_bot"] for row in placed(*clicks, at_once=at_once)}
    assert flags == {"a": True, "b": True, "c": True, "d": False}


def test_who_clicks_slowly_all_day_is_a_bot_too(placed):
    patient = [click(f"p{place:03}", 5 * place, visitor_id="patient") for place in range(BOT_DAY + 1)]
    keen = [click(f"k{place:03}", 5 * place, visitor_id="keen") for place in range(BOT_DAY)]
    flags = {(row["visitor_id"], row["is_bot"]) for row in placed(*patient, *keen)}
    assert flags == {("patient", True), ("keen", False)}


def test_a_session_in_which_the_visitor_logged_in_is_the_customers(placed):
    rows = placed(click("a", 600), click("b", 601, customer_id="c"), click("d", 700))
    assert {row["event_id"]: row["customer_id"] for row in rows} == {"a": "c", "b": "c", "d": None}


def test_a_sessions_customer_is_known_after_midnight_too(placed):
    clicks = (click("a", 1430, customer_id="c"), click("b", 1445), click("d", 2000))
    owners = {"a": "c", "b": "c", "d": None}
    for at_once in (False, True):
        assert {row["event_id"]: row["customer_id"] for row in placed(*clicks, at_once=at_once)} == owners


def test_a_late_click_belongs_to_the_customer_of_the_session_that_it_joins(placed):
    rows = placed(click("a", 600), click("b", 601, customer_id="c"), click("d", 605, run=1))
    assert {row["event_id"]: row["customer_id"] for row in rows} == {"a": "c", "b": "c", "d": "c"}


def test_a_login_that_a_later_run_brings_changes_no_event_before_and_the_first_known_customer_stays(placed):
    clicks = [click("a", 600), click("b", 610, run=1, customer_id="d"), click("e", 605, run=2, customer_id="c")]
    clicks.append(click("f", 606, run=2))
    owners = {"a": None, "b": "d", "e": "c", "f": "d"}
    for at_once in (False, True):
        assert {row["event_id"]: row["customer_id"] for row in placed(*clicks, at_once=at_once)} == owners


def test_a_session_sums_its_events(frame, assert_rows):
    common = {"session_id": "s", "visitor_id": "v"}
    at = [MIDNIGHT + timedelta(minutes=minutes) for minutes in (1430, 1435, 1445)]
    rows = frame(
        CLEAN_EVENTS,
        common | {"event_id": "a", "event_at": at[0], "event_date": DAY, "event_type": "view", "ingest_date": DAY},
        common | {"event_id": "b", "event_at": at[1], "event_date": DAY, "event_type": "search", "ingest_date": DAY},
        common
        | {"event_id": "c", "event_at": at[2], "event_date": date(2024, 3, 2), "event_type": "add_to_cart"}
        | {"ingest_date": date(2024, 3, 2), "customer_id": "c", "device_type": "mobile", "is_bot": True},
    )
    session = common | {"customer_id": "c", "started_at": at[0], "ended_at": at[2], "session_date": DAY, "is_bot": True}
    session |= {"event_count": 3, "view_count": 1, "search_count": 1, "cart_count": 1, "purchase_count": 0}
    session |= {"duration_seconds": 900, "device_type": "mobile", "last_ingest_date": date(2024, 3, 2)}
    session |= {"session_month": DAY.replace(day=1), "first_ingest_date": DAY}
    session |= {"cart_removal_count": 0, "viewed_product_count": 0, "is_bounce": False, "is_cart_abandoned": True}
    session |= {"time_of_day": "evening", "referrer_kind": "direct"}
    assert_rows(sessions(rows, RULES), [session], CLEAN_SESSIONS)


def shown(event_id: str, minute: float, **more) -> dict:
    return click(event_id, minute) | {"session_id": "s"} | more


@pytest.fixture
def of_session(frame):
    """Values of the one session of events."""

    def of(*names: str, events: tuple[dict, ...], rules: StartRules = RULES) -> tuple:
        [row] = sessions(frame(CLEAN_EVENTS, *events), rules).collect()
        return tuple(row[name] for name in names)

    return of


def test_a_session_bounces_with_one_event_and_is_abandoned_with_a_cart_and_no_purchase(of_session):
    told = ("is_bounce", "is_cart_abandoned", "cart_removal_count")
    put, away = shown("a", 1, event_type="add_to_cart"), shown("b", 2, event_type="remove_from_cart")
    assert of_session(*told, events=(put,)) == (True, True, 0)
    assert of_session(*told, events=(put, away)) == (False, True, 1)
    assert of_session(*told, events=(put, shown("c", 3, event_type="purchase"))) == (False, False, 0)
    assert of_session(*told, events=(shown("d", 4),)) == (True, False, 0)


def test_a_product_viewed_twice_is_one_and_one_only_put_in_the_cart_is_not_viewed(of_session):
    views = (shown("a", 1, product_id="p"), shown("b", 2, product_id="p"), shown("c", 3, product_id="q"), shown("d", 4))
    assert of_session("viewed_product_count", events=views) == (2,)
    put = shown("e", 5, event_type="add_to_cart", product_id="r")
    assert of_session("viewed_product_count", events=(*views, put)) == (2,)


def test_a_sessions_referrer_is_its_first_events_and_not_a_page_of_the_shop_later(of_session):
    told = ("referrer", "referrer_kind")
    later = shown("a", 2, referrer="https://shop.example/cart")
    first = shown("b", 1, referrer="https://www.google.com/")
    assert of_session(*told, events=(later, first)) == ("https://www.google.com/", "search")
    assert of_session(*told, events=(later, first | {"referrer": None})) == (None, "direct")
    assert of_session(*told, events=(later | {"event_at": first["event_at"], "event_id": "z"}, first)) == (
        "https://www.google.com/",
        "search",
    )


@pytest.mark.parametrize(
    ("zone", "minute", "told"),
    [
        ("UTC", 0, "night"),
        ("UTC", 6 * 60 - 1, "night"),
        ("UTC", 6 * 60, "morning"),
        ("UTC", 12 * 60, "afternoon"),
        ("UTC", 18 * 60, "evening"),
        ("America/Sao_Paulo", 0, "evening"),
    ],
)
def test_the_time_of_day_is_that_of_the_shops_clocks(zone, minute, told, of_session):
    assert of_session("time_of_day", events=(shown("a", minute),), rules=start_rules(zone)) == (told,)


some_click = st.tuples(
    st.integers(0, 3 * 96 - 1),  # quarter of an hour over three days
    st.sampled_from([0, 0, 0, 1, 2, -1]),  # nights late; -1: a clock ahead
    st.sampled_from(["v", "w"]),
    st.sampled_from([None, "c"]),
)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(some_click, min_size=6, max_size=24), st.integers(0, 95))
def test_nights_one_by_one_give_the_sessions_of_one_run_over_all(placed, made, shift):
    clicks = []
    for place, (quarter, late, visitor, customer) in enumerate(made):
        minute = (quarter // 4 + shift) % (3 * 24) * 60 + quarter % 4 * 15
        night = minute // 1440 + late
        clicks.append(click(f"e{place:02}", minute, max(night, 0), visitor_id=visitor, customer_id=customer))
    nightly, at_once = placed(*clicks), placed(*clicks, at_once=True)
    assert sorted(nightly, key=lambda row: row["event_id"]) == sorted(at_once, key=lambda row: row["event_id"])
