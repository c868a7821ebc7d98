"""Features of campaign contacts."""

from schemas.declaration import LIFETIME, last
from schemas.declared.lines import count, ratio, since
from schemas.declared.sources import CAMPAIGN_EVENTS

DECLARED = (
    since("recency", "contact_recency_days", "contact_count", "Days since the last campaign contact."),
    since("tenure", "contact_history_days", "contact_count", "Days since the first campaign contact; null: never contacted."),
    since("recency", "redemption_recency_days", "redemption_count", "Days since the last offer redeemed."),
    count("contact_count", CAMPAIGN_EVENTS, "Campaign contacts received.", "contacts", (*last(30, 90, 365), LIFETIME), where="event_type = 'contact'"),
    count("redemption_count", CAMPAIGN_EVENTS, "Offers redeemed.", "redemptions", (*last(90, 365), LIFETIME), where="event_type = 'redemption'"),
    ratio("redemption_rate_365d", "redemption_count_365d", "contact_count_365d", "Redemptions per contact, last year.", "ratio"),
    ratio("redemption_rate_lifetime", "redemption_count_lifetime", "contact_count_lifetime", "Redemptions per contact.", "ratio"),
)  # fmt: skip
