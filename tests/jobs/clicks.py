"""Clicks of few people, for tests of whose a visitor is."""

from datetime import UTC, date, datetime, timedelta

FIRST = date(2024, 3, 1)
DAYS = 6
CAP = 4


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def click(number: int, event_id: str, visitor: str, **more) -> dict:
    when = {"event_at": datetime(2024, 3, 1, 10, tzinfo=UTC), "event_date": day(number), "ingest_date": day(number)}
    return when | {"event_id": event_id, "visitor_id": visitor, "event_type": "view"} | more
