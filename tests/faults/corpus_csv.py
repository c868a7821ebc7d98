"""CSV files that are torn, quoted badly, written in another encoding or another shape."""

from tests.faults.corpus import ROW_KB, BadFile, Row, as_csv, rows


def text(stem: str, *changes: Row, **given: str) -> str:
    """Good rows as text, to be broken."""
    return as_csv(rows(stem, *changes), **given).decode()


def lines_of(stem: str, count: int = 3) -> list[str]:
    """Header and good lines."""
    return text(stem, *[{}] * count).splitlines()


def joined(lines: list[str], end: str = "\n") -> bytes:
    return (end.join(lines) + end).encode()


def _with_line(stem: str, place: int, line: str) -> bytes:
    lines = lines_of(stem)
    return joined([*lines[:place], line, *lines[place:]])


def _replaced(stem: str, place: int, old: str, new: str) -> bytes:
    lines = lines_of(stem)
    lines[place] = lines[place].replace(old, new)
    return joined(lines)


SWAPPED = [dict(reversed(row.items())) for row in rows("swapped", {}, {})]
WIDER = [row | {"till": "7", "cashier": "k"} for row in rows("wider", {}, {})]
NARROW = [
    {name: row[name] for name in row if name not in ("customer_id", "currency")} for row in rows("narrow", {}, {})
]
WITHOUT_IDS = [
    {name: row[name] for name in row if name != "event_id"} for row in rows("noid", {}, {}, {"order_id": "noid"})
]
LATIN = as_csv(rows("latin", {}, {"product_id": "café"}, {})).decode().encode("latin-1")

LONG, BELOW = {"review_text": "x" * (ROW_KB << 10)}, {"review_text": "x" * ((ROW_KB - 1) << 10)}

FILES = [
    BadFile("short.csv", _with_line("short", 2, "short.9,2024-03-01"), 3, refused={3: "2 fields instead of 9"}),
    BadFile(
        "long.csv", _with_line("long", 2, lines_of("long")[1] + ",more,more"), 3, refused={3: "11 fields instead of 9"}
    ),
    BadFile("ragged_last.csv", joined(lines_of("ragged_last"))[:-20], 2, refused={4: "fields instead of 9"}),
    BadFile(
        "no_row.csv", _with_line("no_row", 2, ",,,,,,,,"), 3, refused={3: "event_at is missing; order_id is missing"}
    ),
    BadFile("blank_lines.csv", joined([*lines_of("blank_lines")[:2], "", "", *lines_of("blank_lines")[2:]]), 3),
    BadFile("comment.csv", _with_line("comment", 1, "# exported by till 7"), 3, refused={2: "1 fields instead of 9"}),
    BadFile("total.csv", _with_line("total", 4, "TOTAL,,,,,3,28.50,,"), 3, refused={5: "event_at is missing"}),
    BadFile(
        "header_again.csv",
        joined(lines_of("header_again") + lines_of("header_again")[:1]),
        3,
        refused={5: "event_at is no timestamp: event_at"},
    ),
    BadFile(
        "quote_open.csv",
        _replaced("quote_open", 2, "o1", '"o1'),
        1,
        refused={3: "fields instead of 9"},
    ),
    BadFile(
        "quote_middle.csv",
        _replaced("quote_middle", 2, "o1", 'o"1'),
        3,
        holds={"quote_middle.2": {"order_id": 'o"1'}},
    ),
    BadFile(
        "quote_doubled.csv",
        _replaced("quote_doubled", 2, "o1", '"o""1"'),
        3,
        holds={"quote_doubled.2": {"order_id": 'o"1'}},
    ),
    BadFile(
        "line_break_in_id.csv",
        _replaced("line_break_in_id", 2, "o1", '"o\n1"'),
        2,
        refused={3: "order_id has a line break or control character"},
    ),
    BadFile(
        "line_break_in_text.csv",
        as_csv(rows("line_break_in_text", {"review_text": "two\nlines"}, {}, source="reviews")),
        2,
        holds={"line_break_in_text.1": {"review_text": "two\nlines"}},
        source="reviews",
    ),
    BadFile("bom.csv", b"\xef\xbb\xbf" + text("bom", {}, {}).encode(), 2),
    BadFile("utf16.csv", text("utf16", {}, {}).encode("utf-16"), refused={0: "file can't be read: it is not UTF-8"}),
    BadFile("utf16_without_mark.csv", text("u", {}).encode("utf-16-le"), refused={0: "file can't be read: it is not"}),
    BadFile("latin.csv", LATIN, 2, refused={3: "the row is not UTF-8"}),
    BadFile(
        "nul_in_value.csv", _replaced("nul_in_value", 2, "o1", "o\x001"), 2, refused={3: "order_id has a line break"}
    ),
    BadFile("nul_tail.csv", text("nul_tail", {}, {}).encode() + b"\0" * 300, 2, refused={4: "1 fields instead of 9"}),
    BadFile("header_only.csv", joined(lines_of("h")[:1])),
    BadFile("header_no_end.csv", joined(lines_of("h")[:1])[:-1] + b",x"),
    BadFile("empty.csv", b"", refused={0: "file can't be read: it is empty"}),
    BadFile("crlf.csv", text("crlf", {}, {}, end="\r\n").encode(), 2),
    BadFile("cr.csv", text("cr", {}, {}, end="\r").encode(), 2),
    BadFile("no_last_end.csv", text("no_last_end", {}, {}).encode()[:-1], 2),
    BadFile("swapped.csv", as_csv(SWAPPED), 2),
    BadFile("wider.csv", as_csv(WIDER), 2, holds={"wider.1": {"_extra": {"till": "7", "cashier": "k"}}}),
    BadFile("narrow.csv", as_csv(NARROW), 2, holds={"narrow.1": {"customer_id": None, "currency": None}}),
    BadFile("noid.csv", as_csv(WITHOUT_IDS), 3),
    BadFile("doubled.csv", as_csv(rows("doubled", {}, {}) * 2), 2, 2),
    BadFile("same_id.csv", as_csv([*rows("same_id", {}, {}), *rows("same_id", {"line_amount": "1"})]), 2, 1),
    BadFile(
        "spaces.csv",
        as_csv(rows("spaces", {"order_id": " o1 ", "line_amount": " 9.5 "})),
        1,
        holds={"spaces.1": {"order_id": "o1"}},
    ),
    BadFile(
        "quoted_all.csv",
        ('"' + text("quoted_all", {}).strip().replace(",", '","').replace("\n", '"\n"') + '"').encode(),
        1,
    ),
]
