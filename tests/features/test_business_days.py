"""Business days of 23, 24 and 25 hours: each moment belongs to one day, whatever way its file says it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from features.typing_rules import typed_rows
from schemas.raw import RAW_CLICKSTREAM, landing_columns

SHORT_AND_LONG = [
    ("Europe/London", date(2024, 3, 31), 23),
    ("Europe/London", date(2024, 10, 27), 25),
    ("America/New_York", date(2024, 3, 10), 23),
    ("America/New_York", date(2024, 11, 3), 25),
    ("America/Sao_Paulo", date(2018, 11, 4), 23),  # its midnight is the hour that is skipped
    ("America/Havana", date(2024, 11, 3), 25),  # midnight comes twice
    ("Asia/Kathmandu", date(2024, 3, 31), 24),
]
WAYS = {
    "UTC": lambda moment: moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "offset": lambda moment: moment.astimezone(ZoneInfo("Asia/Kathmandu")).isoformat(),
    "epoch seconds": lambda moment: str(int(moment.timestamp())),
    "epoch milliseconds": lambda moment: f"{int(moment.timestamp())}000",
}


@pytest.fixture
def typed(spark):
    """`typed(moments, timezone, day, future_minutes)`: (event_at, event_date, reason) of each, in order."""

    def read(moments: list[str], timezone: str, day: date, future_minutes: int = 60) -> list[tuple]:
        names = [column.name for column in landing_columns(RAW_CLICKSTREAM)]
        fields = ["source_file string", "ingest_date date", *(f"`{name}` string" for name in names)]
        fields += ["_extra map<string,string>", "source_line bigint", "problem string", "original_text string"]
        good = {"visitor_id": "v", "event_type": "view"}
        texts = [
            ("f", day, *({**good, "event_id": "e", "event_at": at}.get(name) for name in names), None, n, None, None)
            for n, at in enumerate(moments)
        ]
        frame = spark.createDataFrame(texts, ", ".join(fields))
        rows = typed_rows(frame, RAW_CLICKSTREAM, timezone, future_minutes).collect()
        return [(r.event_at, r.event_date, r.reason) for r in sorted(rows, key=lambda row: row.source_line)]

    return read


def midnight(day: date, timezone: str) -> datetime:
    """The first moment of a business day, by its calendar and nothing of ours."""
    zone = ZoneInfo(timezone)
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    while moment.astimezone(zone).date() < day:
        moment += timedelta(minutes=15)
    return moment


@pytest.mark.parametrize(("timezone", "day", "hours"), SHORT_AND_LONG)
@pytest.mark.parametrize("way", WAYS)
def test_a_day_of_23_or_25_hours_holds_each_of_its_hours_once(way, timezone, day, hours, typed):
    start, end = midnight(day, timezone), midnight(day + timedelta(days=1), timezone)
    assert (end - start) == timedelta(hours=hours)
    inside = [start + timedelta(hours=hour) for hour in range(hours)] + [end - timedelta(seconds=1)]
    moments = [start - timedelta(seconds=1), *inside, end]
    found = typed([WAYS[way](moment) for moment in moments], timezone, day + timedelta(days=1))
    assert [event_at for event_at, *_ in found] == [moment.replace(tzinfo=None) for moment in moments]
    shifts = [-1, *[0] * len(inside), 1]
    assert [event_date for _, event_date, _ in found] == [day + timedelta(days=shift) for shift in shifts]
    assert not any(reason for *_, reason in found)


@pytest.mark.parametrize(("timezone", "day", "hours"), SHORT_AND_LONG)
def test_the_tolerance_begins_where_the_runs_day_ends(timezone, day, hours, typed):
    end = midnight(day + timedelta(days=1), timezone)
    moments = [end - timedelta(hours=hours), end, end + timedelta(minutes=59), end + timedelta(minutes=121)]
    reasons = [reason for *_, reason in typed([WAYS["UTC"](moment) for moment in moments], timezone, day)]
    assert reasons == [None, None, None, "event_at lies after the run's day"]


def test_the_hour_that_comes_twice_is_told_apart_by_its_offset(typed):
    day = date(2024, 10, 27)
    first, second = typed(["2024-10-27T01:30:00+01:00", "2024-10-27T01:30:00+00:00"], "Europe/London", day)
    assert second[0] - first[0] == timedelta(hours=1) and first[1] == second[1] == day


def test_naive_moments_of_a_short_and_a_long_day_stay_on_it(typed):
    for day in (date(2024, 3, 31), date(2024, 10, 27)):
        naive = [f"{day}T00:00:00", f"{day}T01:30:00", f"{day} 02:30", f"{day}T23:59:59", str(day)]
        assert [event_date for _, event_date, _ in typed(naive, "Europe/London", day)] == [day] * len(naive)
