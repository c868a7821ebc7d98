"""Files that stop their source before a row of it is written, for two lakes: in each a source has one, or none."""

from tests.faults.corpus import BadFile, Row, as_csv, as_parquet, packed, rows


def text(source: str, *changes: Row) -> str:
    """Good rows as text, to be broken."""
    return as_csv(rows(source, {}, *changes, source=source)).decode()


def stops(name: str, content: str | bytes, reason: str, source: str) -> BadFile:
    """The reason stands in the line that says so."""
    return BadFile(name, content if isinstance(content, bytes) else content.encode(), stops=reason, source=source)


def without(source: str, name: str) -> list[Row]:
    return [{key: value for key, value in row.items() if key != name} for row in rows(source, {}, {}, source=source)]


MISSING = "required column"
PARQUET = {"visitor_id": ["v1", "v2"], "event_type": ["view", "view"]}

LAKES = [
    [
        stops("missing.csv", as_csv(without("payments", "order_id")), "required column order_id missing", "payments"),
        stops("capital.csv", text("transactions").replace("order_id", "Order_ID"), "order_id missing", "transactions"),
        stops("missing.parquet", as_parquet(PARQUET), "required column event_at missing", "clickstream"),
        stops("tabs.csv", text("reviews").replace(",", "\t"), MISSING, "reviews"),
        stops("no_header.csv", text("products").partition("\n")[2], MISSING, "products"),
        stops("blank.csv", "\n\n \n", MISSING, "customers"),
        stops("title.csv", "Contacts of March\n" + text("campaign_events"), MISSING, "campaign_events"),
    ],
    [
        stops("packed.csv.gz", packed(as_csv(without("payments", "event_at"))), "event_at missing", "payments"),
        stops("semicolons.csv", text("clickstream").replace(",", ";"), MISSING, "clickstream"),
        stops("doubled.csv", text("reviews").replace("customer_id", "rating"), "rating stands there twice", "reviews"),
        stops("padded.csv", text("products").replace(",product_id", ", product_id"), "product_id missing", "products"),
        stops("unknown.csv", text("customers").replace("\n", ",x,x\n"), "column x stands there twice", "customers"),
        stops("page.csv", "<html><body>502 Bad Gateway</body></html>\n", MISSING, "campaign_events"),
        stops("parquet.csv", as_parquet({"a": ["1"]}), MISSING, "transactions"),
    ],
]
