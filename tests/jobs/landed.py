"""Small landing files of transactions, for tests of what becomes of them."""

from datetime import date
from pathlib import Path

D1, D2, D3 = date(2024, 3, 1), date(2024, 3, 2), date(2024, 3, 3)
HEADER = "event_id,event_at,order_id,customer_id,product_id,line_amount,line_type,currency"


def line(event_id: str, day: date = D1, amount: object = "9.50", currency: str = "") -> str:
    return f"{event_id},{day}T10:00:00Z,o{event_id},c1,p1,{amount},sale,{currency}"


def land(lake: Path, day: date, name: str, *lines: str, header: str = HEADER, source: str = "transactions") -> Path:
    folder = lake / "landing" / source / f"dt={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join((header, *lines)) + "\n")
    return folder / name
