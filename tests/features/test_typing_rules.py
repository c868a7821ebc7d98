"""Text becomes typed values or a named reason; business time is UTC's only where the shop says so."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from features.typing_rules import typed_rows
from schemas.raw import RAW_CUSTOMERS, RAW_REVIEWS, RAW_TRANSACTIONS, landing_columns

DAY = date(2024, 3, 31)
GOOD = {
    RAW_TRANSACTIONS: {"order_id": "o", "product_id": "p", "line_amount": "1", "line_type": "sale"},
    RAW_REVIEWS: {"rating": "5"},
    RAW_CUSTOMERS: {"customer_id": "c"},
}


@pytest.fixture
def typed(spark):
    """Typed rows of given texts; required columns are filled with good values."""

    def type_rows(*rows: dict, table=RAW_TRANSACTIONS, timezone="UTC", future=0, day=DAY) -> list[dict]:
        names = [column.name for column in landing_columns(table)]
        schema = ", ".join(
            ["source_file string", "ingest_date date"]
            + [f"`{name}` string" for name in names]
            + ["_extra map<string,string>", "source_line bigint", "problem string", "original_text string"]
        )
        base = {"event_id": "e", "event_at": "2024-03-01T12:00:00Z"} | GOOD[table]
        texts = [
            (
                "f",
                day,
                *((base | row).get(name) for name in names),
                row.get("extra"),
                7,
                row.get("problem"),
                row.get("text"),
            )
            for row in rows
        ]
        made = typed_rows(spark.createDataFrame(texts, schema), table, timezone, future)
        return [row.asDict() for row in made.collect()]

    return type_rows


def values(rows: list[dict], *names: str) -> list:
    return [tuple(row[name] for name in names) if len(names) > 1 else row[names[0]] for row in rows]


def test_numbers_are_exact_and_odd_spellings_are_refused(typed):
    amounts = ["9.5", " -3.25 ", "+.5", "7.", "1e3", "1,5", "0x1", "NaN", "Infinity", "9999999999.9999"]
    rows = typed(*({"line_amount": amount, "line_type": "adjustment"} for amount in amounts))
    decimals = [
        Decimal("9.5"),
        Decimal("-3.25"),
        Decimal("0.5"),
        Decimal(7),
        *[None] * 5,
        Decimal("9999999999.9999"),
    ]
    assert values(rows, "line_amount") == decimals
    assert rows[4]["reason"] == "line_amount is no decimal(18,4): 1e3"
    assert [row["reason"] is None for row in rows] == [value is not None for value in decimals]


def test_whole_numbers_have_no_fraction_and_fit(typed):
    rows = typed(*({"line_number": text} for text in ("3", "-1", "1.0", "3000000000", "")))
    assert values(rows, "line_number") == [3, -1, None, None, None]
    assert [row["reason"] is None for row in rows] == [True, True, False, False, True]


def test_words_for_yes_and_no_are_booleans_and_days_are_days(typed):
    given = [("True", "2024-02-29"), ("0", "2024-02-30"), ("maybe", "29.02.2024"), ("", None)]
    rows = typed(*({"has_marketing_consent": a, "signup_date": b} for a, b in given), table=RAW_CUSTOMERS)
    assert values(rows, "has_marketing_consent", "signup_date") == [
        (True, date(2024, 2, 29)),
        (False, None),
        (None, None),
        (None, None),
    ]
    assert [row["reason"] for row in rows] == [
        None,
        "signup_date is no date: 2024-02-30",
        "signup_date is no date: 29.02.2024; has_marketing_consent is no boolean: maybe",
        None,
    ]


@pytest.mark.parametrize("spelt", ["{}\u00a0", "{}\t", "\u200b{}", "\u00ad{}", "\ufeff{}\u3000", " {} ", "{}"])
def test_a_consents_words_are_the_same_in_capitals_and_with_characters_nobody_sees(typed, spelt):
    words = {"consent_purpose": spelt.format("Mar\u200bketing"), "consent_status": spelt.format("REVOKED")}
    rows = typed(words, table=RAW_CUSTOMERS)
    assert values(rows, "consent_purpose", "consent_status", "reason") == [("marketing", "revoked", None)]


@pytest.mark.parametrize(
    ("purpose", "status", "reason"),
    [
        ("\uff4darketing", "revoked", "consent_purpose must be of ASCII letters"),
        ("m\u0430rketing", "revoked", "consent_purpose must be of ASCII letters"),
        ("marketing", "withdrawn", "consent_status must be one of `granted`, `revoked`: withdrawn"),
        ("\u00a0", "revoked", "consent_purpose is no string"),
    ],
)
def test_a_consent_in_words_that_nobody_can_be_sure_of_is_refused(typed, purpose, status, reason):
    (row,) = typed({"consent_purpose": purpose, "consent_status": status}, table=RAW_CUSTOMERS)
    assert row["reason"] and row["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (("true", "T", "yes", "Y", "on", "1"), True),
        (("false", "F", "no", "N", "n", "Off", "0"), False),
        (("nope", "2", "ja"), None),
    ],
)
def test_consent_is_read_in_every_usual_spelling_and_guessed_in_none(words, value, typed):
    rows = typed(*({"has_marketing_consent": word} for word in words), table=RAW_CUSTOMERS)
    assert values(rows, "has_marketing_consent") == [value] * len(words)
    assert [row["reason"] is None for row in rows] == [value is not None] * len(words)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_moments_that_no_shop_has_are_refused_and_have_no_day(zone, typed):
    texts = ["0000-01-01", "0001-01-01", "1969-12-31T23:59:59Z", "1970-01-01T12:00:00Z", "9999-12-31T23:59:59Z"]
    rows = typed(*({"event_at": text} for text in texts), timezone=zone)
    assert values(rows, "event_at", "event_date") == [(None, None)] * 5
    assert [(row["reason"] or "").split(" ")[0] for row in rows] == ["event_at"] * 5
    assert rows[2]["reason"] == rows[3]["reason"] == "event_at lies before 1970"
    [row] = typed({"event_at": "1970-01-03T00:00:00Z"}, timezone=zone)
    assert row["reason"] is None and row["event_date"]


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2024-03-01T12:00:00Z", 12),
        ("2024-03-01T12:00:00+02:00", 10),
        ("2024-03-01 12:00:00-0330", 15.5),
        ("2024-03-01T12:00", 12),
        ("2024-03-01T12:00Z", 12),
        ("2024-03-01 12:00+02:00", 10),
        ("2024-03-01", 0),
        ("1709294400", 12),
        ("1709294400000", 12),
        ("2024-03-01T12:00:00.250Z", 12 + 0.25 / 3600),
    ],
)
def test_moments_are_read_with_offset_naive_or_as_epoch(text, hour, typed):
    [row] = typed({"event_at": text})
    assert row["reason"] is None and row["event_at"] == datetime(2024, 3, 1) + timedelta(hours=hour)


@pytest.mark.parametrize(
    "text", ["yesterday", "2024-13-01T00:00:00Z", "2024-03-01T25:00:00Z", "12:00", "20240301", "17"]
)
def test_moments_of_no_kind_are_refused(text, typed):
    [row] = typed({"event_at": text})
    assert row["reason"] == f"event_at is no timestamp: {text}" and row["event_date"] is None


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("Europe/London", "2023-10-29T00:30:00"),
        ("Europe/London", "2023-10-29T02:30:00"),
        ("Europe/London", "2023-03-26T02:30:00"),
        ("America/New_York", "2023-11-05T00:30:00"),
        ("America/New_York", "2023-03-12T03:30:00"),
        ("America/New_York", "2023-07-01T23:30:00"),
    ],
)
def test_naive_moments_are_business_time_on_both_sides_of_a_clock_change(zone, text, typed):
    [row] = typed({"event_at": text}, timezone=zone)
    local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    assert row["event_at"] == local.astimezone(UTC).replace(tzinfo=None) and row["event_date"] == local.date()


@pytest.mark.parametrize(
    ("zone", "text", "overlap"),
    [
        ("Europe/London", "2023-10-29T01:30:00", True),
        ("Europe/London", "2023-03-26T01:30:00", False),
        ("America/New_York", "2023-11-05T01:30:00", True),
        ("America/New_York", "2023-03-12T02:30:00", False),
    ],
)
def test_naive_moments_in_a_gap_or_an_overlap_are_kept_within_an_hour_and_on_their_day(zone, text, overlap, typed):
    [row] = typed({"event_at": text}, timezone=zone)
    local = datetime.fromisoformat(text)
    utc = {local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC).replace(tzinfo=None) for fold in (0, 1)}
    assert row["reason"] is None and row["event_at"] in utc and row["event_date"] == local.date()


def test_an_event_belongs_to_its_business_day(typed):
    [row] = typed({"event_at": "2024-03-02T03:00:00Z"}, timezone="America/New_York")
    assert row["event_date"] == date(2024, 3, 1)


def test_an_event_after_the_runs_day_is_refused_beyond_the_tolerance(typed):
    texts = [{"event_at": f"2024-04-01T00:{minute}:00Z"} for minute in ("00", "10", "11")]
    assert [row["reason"] for row in typed(*texts, future=10)] == [None, None, "event_at lies after the run's day"]
    assert [row["reason"] is None for row in typed(*texts)] == [True, False, False]


def test_the_runs_day_ends_in_business_time(typed):
    rows = typed({"event_at": "2024-04-01T03:00:00Z"}, timezone="America/New_York")
    assert rows[0]["reason"] is None and rows[0]["event_date"] == DAY


def test_every_broken_rule_is_named(typed):
    [row] = typed({"order_id": None, "line_amount": "ten", "line_type": "gift", "quantity": "1.5"})
    assert row["reason"].split("; ") == [
        "order_id is missing",
        "quantity is no bigint: 1.5",
        "line_amount is no decimal(18,4): ten",
        "line_type must be one of `sale`, `return`, `cancellation`, `adjustment`: gift",
    ]
    assert '"line_amount":"ten"' in row["original_text"]


def test_a_rule_of_range_is_named_with_the_value(typed):
    reasons = [row["reason"] for row in typed({"rating": "6"}, {"rating": "0"}, {"rating": "5"}, table=RAW_REVIEWS)]
    assert reasons == ["rating must be from 1 to 5: 6", "rating must be from 1 to 5: 0", None]


def test_numbers_beyond_all_shops_are_refused_before_their_sums_overflow(typed):
    rows = typed(
        {"quantity": "1000000000", "line_amount": "10000000000"},
        {"quantity": "999999999999999999"},
        {"quantity": "-1000000001"},
        {"line_amount": "10000000000.0001"},
        {"unit_price": "-99999999999"},
    )
    assert [row["reason"] for row in rows] == [
        None,
        "quantity must be from -1,000,000,000 to 1,000,000,000: 999999999999999999",
        "quantity must be from -1,000,000,000 to 1,000,000,000: -1000000001",
        "line_amount must be from -10,000,000,000 to 10,000,000,000: 10000000000.0001",
        "unit_price must be from -10,000,000,000 to 10,000,000,000: -99999999999",
    ]


def test_a_return_or_cancellation_never_raises_revenue(typed):
    kinds = [("return", "5"), ("cancellation", "0.01"), ("return", "-5"), ("cancellation", "0"), ("adjustment", "5")]
    rows = typed(*({"line_type": kind, "line_amount": amount} for kind, amount in kinds))
    told = "a return or cancellation must not have a positive line_amount"
    assert [row["reason"] for row in rows] == [told, told, None, None, None]


def test_a_line_that_is_no_row_keeps_its_problem_and_text(typed):
    [row] = typed({"problem": "2 fields instead of 3", "text": "a,b", "event_at": None})
    assert (row["reason"], row["original_text"], row["source_line"]) == ("2 fields instead of 3", "a,b", 7)


@pytest.mark.parametrize("word", ["NULL", "null", "NA", "N/A", "None", "nan", "NaN"])
def test_a_spelt_out_absence_of_a_customer_is_a_guest_and_missing_where_one_must_be(word, typed):
    [guest] = typed({"customer_id": f" {word} ", "store_id": word})
    assert (guest["customer_id"], guest["store_id"], guest["reason"]) == (None, word, None)
    [nobody] = typed({"customer_id": word}, table=RAW_CUSTOMERS)
    assert nobody["reason"] == "customer_id is missing"


def test_an_id_with_a_line_break_or_control_character_is_refused(typed):
    rows = typed({"customer_id": "c1,9\nc2"}, {"product_id": "p\x001"}, {"order_id": "o\t1"}, {"order_id": "o 1 é"})
    told = "{} has a line break or control character; is a quote missing?"
    assert [row["reason"] for row in rows] == [*map(told.format, ("customer_id", "product_id", "order_id")), None]


def test_blank_text_is_null(typed):
    [row] = typed({"customer_id": "   ", "store_id": " s1 "})
    assert (row["customer_id"], row["store_id"], row["reason"]) == (None, "s1", None)
