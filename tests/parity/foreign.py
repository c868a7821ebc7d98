"""Lines in other currencies, postage and returns of them, beside what the simulated shop lands."""

import json
from datetime import date, timedelta
from pathlib import Path

from tests.jobs.landed import land

RATES = "event_at,rate_date,currency,exchange_rate"
LINES = "event_id,event_at,order_id,customer_id,product_id,quantity,unit_price,line_amount,line_type,currency"
RULES = json.dumps(
    [
        {"name": "postage", "effect": "postage", "product_id": "POST|DOT"},
        {"name": "gifts", "effect": "excluded", "line_type": "sale", "price": "zero"},
    ]
)


def land_foreign_lines(lake: Path, customer_id: str, sold_on: date, after: date) -> None:
    """Lines of one customer: a rate corrected after the sale, days without one, and what comes back after `after`."""
    back_on, unrated_on, rated_on = (after + timedelta(days=number) for number in (1, 3, 6))
    for day, rated, value in (
        (sold_on, sold_on, "0.9171234567"),
        (back_on, sold_on, "0.5"),
        (rated_on, rated_on, "0.0061"),
    ):
        line = f"{day}T06:00:00Z,{rated},USD,{value}"
        land(lake, day, "rates.csv", line, header=RATES, source="exchange_rates")
    sold = ("p00001,3,6.6667,20.0001,sale,USD", "POST,1,4.99,4.99,sale,USD", "p00002,1,0,0,sale,USD")
    back = (
        "p00001,-2,6.6667,-13.3334,return,USD",
        "POST,-1,4.99,-4.99,return,USD",
        "p00001,-2,6.6667,-13.3334,return,USD",
    )
    unrated = ("p00001,1,5,5,sale,USD", "p00001,1,5,5,sale,JPY")
    for day, order, lines in (
        (sold_on, "f1", sold),
        (back_on, "fx", back),
        (unrated_on, "f2", unrated),
        (rated_on, "f3", unrated),
    ):
        rows = [f"{order}-{n},{day}T10:00:00Z,{order},{customer_id},{text}" for n, text in enumerate(lines)]
        land(lake, day, "foreign.csv", *rows, header=LINES)
