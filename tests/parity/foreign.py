"""Lines in other currencies, postage and returns of them, beside what the simulated shop lands."""

import json
from datetime import date
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


def land_foreign_lines(lake: Path, customer_id: str) -> None:
    """A month of one customer: a rate corrected after the sale, days without one, and what comes back."""
    first, third, tenth, last = (date(2024, 1, number) for number in (1, 3, 10, 31))
    for day, rated, value in ((first, first, "0.9171234567"), (third, first, "0.5"), (last, last, "0.0061")):
        line = f"{day}T06:00:00Z,{rated},USD,{value}"
        land(lake, day, "rates.csv", line, header=RATES, source="exchange_rates")
    sold = ("p00001,3,6.6667,20.0001,sale,USD", "POST,1,4.99,4.99,sale,USD", "p00002,1,0,0,sale,USD")
    back = (
        "p00001,-2,6.6667,-13.3334,return,USD",
        "POST,-1,4.99,-4.99,return,USD",
        "p00001,-2,6.6667,-13.3334,return,USD",
    )
    unrated = ("p00001,1,5,5,sale,USD", "p00001,1,5,5,sale,JPY")
    for day, order, lines in ((first, "f1", sold), (third, "fx", back), (tenth, "f2", unrated), (last, "f3", unrated)):
        rows = [f"{order}-{n},{day}T10:00:00Z,{order},{customer_id},{text}" for n, text in enumerate(lines)]
        land(lake, day, "foreign.csv", *rows, header=LINES)
