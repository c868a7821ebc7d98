"""Features of clicks and sessions."""

from schemas.declaration import (
    EXACT,
    LIFETIME,
    Window,
    active_days,
    count,
    derived,
    extreme,
    last,
    ratio,
    since,
    total,
)
from schemas.declared.sources import CLICKS, IS_MOBILE, SESSIONS

BEFORE_30 = Window(30, 30)

DECLARED = (
    since("recency", "click_recency_days", "click_count", "Days since the last click."),
    since("tenure", "click_history_days", "click_count", "Days since the first click; null: never clicked."),
    count("session_count", CLICKS, "Sessions begun, without bots.", "sessions", (*last(7, 30, 90), BEFORE_30, LIFETIME), where="is_session_start"),
    active_days("session_count", "session_days", "Days with a session", last(30, 90)),
    count("click_count", CLICKS, "Click events.", "events", last(30, 90)),
    count("view_count", CLICKS, "Product views.", "events", last(7, 30, 90), where="event_type = 'view'"),
    count("search_count", CLICKS, "Searches.", "events", last(30, 90), where="event_type = 'search'"),
    count("cart_count", CLICKS, "Additions to the cart.", "events", last(7, 30, 90), where="event_type = 'add_to_cart'"),
    count("cart_removal_count", CLICKS, "Removals from the cart.", "events", last(90), where="event_type = 'remove_from_cart'"),
    count("click_purchase_count", CLICKS, "Purchases seen in the clickstream.", "events", last(90), where="event_type = 'purchase'"),
    count("mobile_session_count", CLICKS, "Sessions begun on a phone, on a tablet or in an app.", "sessions", last(90), where=f"is_session_start AND {IS_MOBILE}"),
    total("bounce_count", SESSIONS, "bounce_count", "Sessions of one event; -1 when a later run adds a second.", "sessions", last(90)),
    total("session_seconds", CLICKS, "dwell_seconds", "Time spent in sessions.", "seconds", last(30, 90), EXACT),
    extreme("longest_dwell_seconds", "max", CLICKS, "nullif(dwell_seconds, 0)", "Longest time between two events of a session.", "seconds", EXACT),
    derived("gap_365d", "session_gap_days_365d", "session_count", "Mean days between days with a session, last 365 days."),
    ratio("bounce_rate_90d", "bounce_count_90d", "session_count_90d", "Sessions of one event, last 90 days."),
    ratio("clicks_per_session_90d", "click_count_90d", "session_count_90d", "Depth of a session, last 90 days.", "events"),
    ratio("seconds_per_session_90d", "session_seconds_90d", "session_count_90d", "Time per session, last 90 days.", "seconds"),
    ratio("cart_rate_90d", "cart_count_90d", "session_count_90d", "Cart additions per session, last 90 days.", "ratio"),
    ratio("cart_removal_rate_90d", "cart_removal_count_90d", "cart_count_90d", "Removals per addition to the cart, last 90 days.", "ratio"),
    ratio("conversion_90d", "click_purchase_count_90d", "session_count_90d", "Purchases per session, last 90 days.", "ratio"),
    ratio("session_trend_30d", "session_count_30d", "session_count_90d", "Last 30 days' share of 90 days' sessions."),
    ratio("session_growth_30d", "session_count_30d", "session_count_30d_before_30d", "Sessions of the last 30 days per session of the 30 before.", "ratio"),
    ratio("mobile_share_90d", "mobile_session_count_90d", "session_count_90d", "Sessions on a phone, on a tablet or in an app, last 90 days."),
)  # fmt: skip
