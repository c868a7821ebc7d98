"""Values that are no value of their column, or look as if they were none: one good row, then the row in question."""

from tests.faults.corpus import D1, BadFile, Row, as_csv, as_lines, rows


def refused(stem: str, change: Row, reason: str, source: str = "transactions") -> BadFile:
    """The second row is refused."""
    return BadFile(f"{stem}.csv", two_rows(stem, change, source), 1, refused={3: reason}, source=source)


def taken(stem: str, change: Row, holds: Row, source: str = "transactions") -> BadFile:
    """The second row is taken."""
    return BadFile(f"{stem}.csv", two_rows(stem, change, source), 2, holds={f"{stem}.2": holds}, source=source)


def two_rows(stem: str, change: Row, source: str) -> bytes:
    first, second = rows(stem, {}, change, source=source)
    return as_csv([dict.fromkeys(second) | first, second])


def kept_text(stem: str, value: str) -> list[BadFile]:
    """The value stays what it is, as CSV and as JSON."""
    change = {"product_id": value, "order_id": value}
    return [
        taken(f"{stem}_csv", change, change),
        BadFile(f"{stem}_json.jsonl", as_lines(rows(f"{stem}_json", change)), 1, holds={f"{stem}_json.1": change}),
    ]


AMOUNTS = {
    "word": "ten",
    "comma": "9,50",
    "thousands": "1,234.50",
    "apostrophe": "1'234.50",
    "underscore": "1_000",
    "exponent": "1e5",
    "nan": "NaN",
    "infinity": "-Infinity",
    "hexadecimal": "0x1F",
    "euros": "9.50 €",
    "two_points": "1.2.3",
    "minus_behind": "9.50-",
    "bookkeeping": "(9.50)",
    "arabic": "٩٫٥٠",
    "full_width": "９.５０",
    "too_long": "123456789012345678901234567890",
}
MOMENTS = {
    "february_30": "2024-02-30T10:00:00Z",
    "hour_24": f"{D1}T24:00:00Z",
    "second_60": f"{D1}T23:59:60Z",
    "month_13": "2024-13-01T10:00:00Z",
    "month_0": "2024-00-10",
    "slashes": "01/03/2024",
    "one_digit": "2024-3-1",
    "no_dashes": "20240301",
    "only_time": "10:00:00",
    "epoch_micros": "1709287200000000",
    "epoch_fraction": "1709287200.5",
    "epoch_negative": "-1709287200",
    "zone_name": f"{D1}T10:00:00 Europe/Paris",
    "mail_date": "Fri, 01 Mar 2024 10:00:00 GMT",
    "serial_day": "45352.41667",
    "word_today": "today",
    "year_10000": "10000-01-01T00:00:00Z",
    "offset_99": f"{D1}T10:00:00+99:00",
}
READ_MOMENTS = {
    "epoch_seconds": "1709287200",
    "epoch_millis": "1709287200000",
    "offset": f"{D1}T12:00:00+02:00",
    "offset_plain": f"{D1}T12:00:00+0200",
    "minutes_alone": f"{D1}T10:00Z",
    "blank_between": f"{D1} 10:00:00",
    "nanoseconds": f"{D1}T10:00:00.000000000Z",
}
TEXTS = {
    "sql": "'; DROP TABLE raw_transactions; --",
    "formula": '=HYPERLINK("http://x","y")',
    "path": "../../../etc/passwd",
    "template": "{{ macros.os }} ${HOME} $(id) %s",
    "markup": "<script>alert(1)</script>",
    "emoji": "👩‍👩‍👧 café ‮",
    "backslash": "a\\nb\\",
    "null_word": "NULL",
}

FILES = [
    *(refused(f"amount_{k}", {"line_amount": v}, "line_amount is no decimal(18,4): ") for k, v in AMOUNTS.items()),
    refused("amount_empty", {"line_amount": ""}, "line_amount is missing"),
    refused("amount_blank", {"line_amount": "   "}, "line_amount is missing"),
    refused("amount_huge", {"line_amount": "10000000001"}, "line_amount must be from -10,000,000,000"),
    taken("amount_fine", {"line_amount": "+0009.500"}, {"line_amount": 9.5}),
    taken("amount_zero", {"line_amount": "-0"}, {"line_amount": 0}),
    refused("units_half", {"quantity": "2.5"}, "quantity is no bigint: 2.5"),
    refused("units_word", {"quantity": "two"}, "quantity is no bigint: two"),
    refused("units_64_bits", {"quantity": "9223372036854775808"}, "quantity is no bigint"),
    refused("units_many", {"quantity": "1000000001"}, "quantity must be from -1,000,000,000"),
    refused("sale_negative", {"line_amount": "-1"}, "a sale must not have a negative line_amount"),
    refused("return_positive", {"line_type": "return"}, "a return or cancellation must not have a positive"),
    taken("return_zero", {"line_type": "return", "line_amount": "0"}, {"line_amount": 0}),
    taken("adjustment", {"line_type": "adjustment", "line_amount": "-3"}, {"line_amount": -3}),
    refused("type_unknown", {"line_type": "refund"}, "line_type must be one of"),
    refused("type_capital", {"line_type": "SALE"}, "line_type must be one of"),
    refused("type_missing", {"line_type": ""}, "line_type is missing"),
    *(refused(f"moment_{name}", {"event_at": value}, "event_at is no timestamp: ") for name, value in MOMENTS.items()),
    *(taken(f"moment_{name}", {"event_at": value}, {"event_date": D1}) for name, value in READ_MOMENTS.items()),
    taken("moment_day", {"event_at": str(D1)}, {"event_date": D1}),
    refused("moment_year_0", {"event_at": "0000-01-01T00:00:00Z"}, "event_at"),
    refused("moment_year_9999", {"event_at": "9999-12-31T23:59:59Z"}, "event_at lies after the run's day"),
    refused("moment_1969", {"event_at": "1969-12-31T23:59:59Z"}, "event_at lies before 1970"),
    refused("moment_missing", {"event_at": ""}, "event_at is missing"),
    taken("clock_skew", {"event_at": "2024-03-02T20:00:00Z"}, {"event_date": D1.replace(day=2)}),
    refused("clock_wrong", {"event_at": "2024-03-03T00:00:01Z"}, "event_at lies after the run's day"),
    refused("order_missing", {"order_id": ""}, "order_id is missing"),
    refused("product_blank", {"product_id": "   "}, "product_id is missing"),
    refused("id_tab", {"customer_id": "c\t1"}, "customer_id has a line break or control character"),
    refused("id_bell", {"event_id": "id\x07bell"}, "event_id has a line break or control character"),
    *(
        taken(f"guest_{number}", {"customer_id": word}, {"customer_id": None})
        for number, word in enumerate(("NULL", "N/A", "nan", "None", " "))
    ),
    *(file for name, value in TEXTS.items() for file in kept_text(f"text_{name}", value)),
    refused("stars_6", {"rating": "6"}, "rating must be from 1 to 5", "reviews"),
    refused("stars_0", {"rating": "0"}, "rating must be from 1 to 5", "reviews"),
    refused("stars_half", {"rating": "4.5"}, "rating is no int: 4.5", "reviews"),
    refused("stars_none", {"rating": ""}, "rating is missing", "reviews"),
    refused("event_unknown", {"event_type": "hover"}, "event_type must be one of", "clickstream"),
    refused("visitor_none", {"visitor_id": ""}, "visitor_id is missing", "clickstream"),
    refused("signup_february", {"signup_date": "2024-02-30"}, "signup_date is no date: 2024-02-30", "customers"),
    refused("customer_none", {"customer_id": "NULL"}, "customer_id is missing", "customers"),
    refused("consent_half", {"consent_purpose": "marketing"}, "consent_purpose and consent_status must", "customers"),
    refused(
        "consent_word",
        {"consent_purpose": "marketing", "consent_status": "maybe"},
        "consent_status must be one of",
        "customers",
    ),
    refused("consent_flag", {"has_marketing_consent": "maybe"}, "has_marketing_consent is no boolean", "customers"),
    taken("consent_yes", {"has_marketing_consent": "Y"}, {"has_marketing_consent": True}, "customers"),
    refused("rate_zero", {"exchange_rate": "0"}, "exchange_rate must be from", "exchange_rates"),
    refused("rate_word", {"exchange_rate": "parity"}, "exchange_rate is no decimal", "exchange_rates"),
    refused("rate_day", {"rate_date": "2024-02-30"}, "rate_date is no date", "exchange_rates"),
    refused("currency_unrated", {"currency": "XXX"}, "no exchange rate to the shop's currency from XXX"),
    refused("currency_small", {"currency": "eur"}, "no exchange rate to the shop's currency from eur"),
    taken("currency_rated", {"currency": "USD"}, {"currency": "USD"}),
    refused("price_free", {"list_price": "free"}, "list_price is no decimal(18,4): free", "products"),
    refused("payment_none", {"payment_sequence": ""}, "payment_sequence is missing", "payments"),
    refused("contact_unknown", {"event_type": "call"}, "event_type must be one of", "campaign_events"),
]
