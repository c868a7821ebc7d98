"""Beginnings of sessions: kinds of referrers by host or word, and what the opening event alone decides."""

from datetime import UTC, date, datetime

import pytest
from pyspark.sql import functions as F

from features.session_starts import referrer_kind, start_facts
from schemas.clean import CLEAN_EVENTS
from schemas.session_starts import start_rules

SATURDAY = date(2024, 3, 2)
FACTS = ("night_session_count", "evening_session_count", "weekend_session_count")
ARRIVALS = ("search_arrival_count", "social_arrival_count", "email_arrival_count", "ad_arrival_count")

KNOWN = {
    None: "direct",
    " ": "direct",
    "(direct)": "direct",
    "search": "search",
    "https://www.google.co.uk/search?q=facebook+newsletter": "search",
    "www.google.com/url?utm_medium=email": "search",
    "android-app://com.google.android.googlequicksearchbox/": "search",
    "google / organic": "search",
    "google / cpc": "ads",
    "https://googleads.g.doubleclick.net/pagead": "ads",
    "affiliate": "ads",
    "https://mail.google.com/": "email",
    "android-app://com.google.android.gm": "email",
    "utm_source=spring&utm_medium=Newsletter": "email",
    "https://l.facebook.com/l.php?u=x": "social",
    "https://t.co/abc": "social",
    "https://pinterest.co.example/": "social",
    "https://internet.co/": "other",
    "https://blog.example/best-google-ads-email": "other",
    "price-comparison": "other",
}


@pytest.fixture
def kinds(spark):
    def of(*referrers: str | None, **more: str) -> dict[str | None, str]:
        rows = spark.createDataFrame([(referrer,) for referrer in referrers], "referrer string")
        kind = referrer_kind(F.col("referrer"), start_rules("UTC", more))
        return {row.referrer: row.kind for row in rows.withColumn("kind", kind).collect()}

    return of


def test_a_referrers_kind_is_told_by_its_host_or_by_its_word(kinds):
    assert kinds(*KNOWN) == KNOWN


def test_a_shops_own_words_stand_beside_the_usual_ones_and_its_own_pages_come_first(kinds):
    given = ("https://mail.shop.example/x", "Rundbriefe März", "newsletter", "shopXexample")
    told = kinds(*given, email="rundbrief*|märz", direct="shop.example")
    assert told == {
        "https://mail.shop.example/x": "direct",
        "Rundbriefe März": "email",
        "newsletter": "email",
        "shopXexample": "other",
    }


def event(event_id: str, hour: int, **more) -> dict:
    when = {"event_at": datetime(2024, 3, 2, hour, tzinfo=UTC), "event_date": SATURDAY, "ingest_date": SATURDAY}
    return when | {"event_id": event_id, "customer_id": "c", "is_session_start": True} | more


@pytest.fixture
def starts(frame):
    """Facts of customers' sessions by customer, those that are 0 left out."""

    def of(*events: dict, zone: str = "UTC") -> dict[str, set[str]]:
        rows = start_facts(frame(CLEAN_EVENTS, *events), start_rules(zone)).collect()
        return {row.customer_id: {name for name in (*FACTS, *ARRIVALS) if row[name]} for row in rows}

    return of


def test_a_session_counts_by_the_hour_and_day_of_its_opening_event(starts):
    friday = {"event_date": date(2024, 3, 1)}
    told = starts(event("a", 5, customer_id="night"), event("b", 6, customer_id="day", **friday))
    assert told == {"night": {"night_session_count", "weekend_session_count"}, "day": set()}
    assert starts(event("a", 17), zone="Europe/Paris")["c"] == {"evening_session_count", "weekend_session_count"}


def test_a_session_counts_for_the_kind_of_place_its_opening_event_came_from(starts):
    places = {"search": "bing", "social": "tiktok", "email": "e-mail", "ad": "paid", "none": None, "other": "blog"}
    told = starts(*(event(name, 12, customer_id=name, referrer=place) for name, place in places.items()))
    weekend = {"weekend_session_count"}
    arrivals = {name: found - weekend for name, found in told.items()}
    assert arrivals == {
        name: {f"{name}_arrival_count"} - {"none_arrival_count", "other_arrival_count"} for name in places
    }


def test_only_the_opening_event_counts_and_never_a_bots(starts):
    later = event("b", 23, customer_id="later", is_session_start=False, referrer="facebook")
    assert starts(later, event("d", 1, customer_id="bot", is_bot=True)) == {}
