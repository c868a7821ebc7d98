from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from jobs.land import retailrocket
from tests.jobs.land.landed import rows

EVENTS = """\
timestamp,visitorid,event,itemid,transactionid
1430636062541,7,view,298,
1430636062999,7,addtocart,298,
1430697600000,7,transaction,298,3129.0
soon,7,view,298,
1430784000001,8,gaze,298,
"""


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    (tmp_path / "events.csv").write_text(EVENTS)
    retailrocket.land(tmp_path, tmp_path / "lake" / "landing", {})
    return tmp_path / "lake"


def test_milliseconds_become_utc_times_and_events_the_shops_words(lake: Path) -> None:
    clicks = rows(lake, "clickstream")
    assert (clicks[0]["event_at"], clicks[0]["dt"]) == ("2015-05-03T06:54:22.541Z", "2015-05-03")
    assert [click["event_type"] for click in clicks[:3]] == ["view", "add_to_cart", "purchase"]
    assert clicks[0]["visitor_id"] == clicks[0]["customer_id"] == "7"


def test_a_transaction_event_is_also_an_order_line_without_price(lake: Path) -> None:
    (line,) = rows(lake, "transactions")
    assert (line["order_id"], line["line_amount"], line["dt"]) == ("3129", "0.00", "2015-05-04")
    assert "quantity" not in line and retailrocket.PROFILE["has_prices"] is False


def test_unreadable_time_and_unknown_event_are_passed_on(lake: Path) -> None:
    clicks = rows(lake, "clickstream")
    assert len(clicks) == 5
    assert {click["dt"] for click in clicks if click["event_at"] == "soon"} == {"2015-05-04"}
    assert clicks[-1]["event_type"] == "gaze"


def test_the_cut_last_day_is_not_full(lake: Path) -> None:
    assert retailrocket.business_dates(lake / "landing") == (date(2015, 5, 3), date(2015, 5, 4))


def test_the_published_facts_survive_landing(shared_data: Path, tmp_path: Path) -> None:
    retailrocket.land(shared_data / "retailrocket", tmp_path / "landing", {})
    clicks = rows(tmp_path, "clickstream")
    assert Counter(click["event_type"] for click in clicks) == {"view": 2_312, "add_to_cart": 253, "purchase": 33}
    assert len({click["visitor_id"] for click in clicks}) == 518
    assert len(rows(tmp_path, "transactions")) == 33
    assert retailrocket.business_dates(tmp_path / "landing") == (date(2015, 5, 3), date(2015, 9, 17))
