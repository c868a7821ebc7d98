"""JSON lines and JSON arrays: broken records, odd numbers, names that stand twice, shapes that are no row."""

import json

from tests.faults import corpus
from tests.faults.corpus import ROW_KB, BadFile, Row, as_lines


def rows(stem: str, *changes: Row) -> list[Row]:
    """Ids of their own: some stems name a CSV file as well."""
    return corpus.rows(f"json_{stem}", *changes)


def line(stem: str, **changes: object) -> str:
    """The third row of a file, to be broken."""
    return json.dumps(rows(stem, {}, {}, changes)[2])


def with_line(stem: str, last: str | bytes) -> bytes:
    """Two good rows and a line."""
    return as_lines(rows(stem, {}, {})) + (last.encode() if isinstance(last, str) else last) + b"\n"


def bad_line(stem: str, last: str | bytes, reason: str) -> BadFile:
    """The third line is refused."""
    return BadFile(f"{stem}.jsonl", with_line(stem, last), 2, refused={3: reason})


def good_line(stem: str, last: str, holds: Row) -> BadFile:
    """The third line is taken."""
    return BadFile(f"{stem}.jsonl", with_line(stem, last), 3, holds={f"json_{stem}.3": holds})


def array(stem: str, *changes: Row) -> str:
    return json.dumps(rows(stem, *changes))


FILES = [
    bad_line("cut", line("cut")[:40], "not JSON"),
    bad_line("comma_last", line("comma_last")[:-1] + ",}", "not JSON"),
    bad_line("single_quotes", line("single_quotes").replace('"', "'"), "not JSON"),
    bad_line("two_on_a_line", line("two_on_a_line") * 2, "not JSON"),
    bad_line("comma_behind", line("comma_behind") + ",", "not JSON"),
    bad_line("nan", line("nan").replace('"9.50"', "NaN"), "not JSON"),
    bad_line("infinity", line("infinity").replace('"9.50"', "-Infinity"), "not JSON"),
    bad_line("bare_word", "null and void", "not JSON"),
    bad_line("null_line", "null", "not a JSON object"),
    bad_line("number_line", "42", "not a JSON object"),
    bad_line("list_line", "[1, 2]", "not a JSON object"),
    bad_line("empty_record", "{}", "event_at is missing"),
    bad_line("nested", line("nested", customer_id={"id": "c1"}), "customer_id is no text"),
    bad_line("list_value", line("list_value", product_id=["p1", "p2"]), "product_id is no text"),
    bad_line("twice", line("twice")[:-1] + ', "customer_id": "c2"}', "customer_id stands twice"),
    bad_line("latin_line", line("latin_line").replace("o1", "café").encode("latin-1"), "the row is not UTF-8"),
    bad_line("half_character", line("half_character").replace("o1", "\\ud800"), "not JSON"),
    bad_line("control", line("control").replace("o1", "o\x011"), "not JSON"),
    bad_line("escaped_control", line("escaped_control", order_id="o\n1"), "order_id has a line break"),
    bad_line("deep", '{"a":' * 2000 + "1" + "}" * 2000, "not JSON"),
    bad_line("big_whole", line("big_whole", quantity=10**20), "quantity is no bigint: 1000"),
    bad_line("big_exponent", line("big_exponent").replace('"9.50"', "1e400"), ""),
    bad_line("true_units", line("true_units", quantity=True), "quantity is no bigint: true"),
    bad_line("null_needed", line("null_needed", order_id=None), "order_id is missing"),
    bad_line("missing_name", line("missing_name").replace("order_id", "Order_Id"), "order_id is missing"),
    good_line("number_id", line("number_id", order_id=123), {"order_id": "123"}),
    good_line("number_amount", line("number_amount", line_amount=9.1), {"line_amount": 9.1}),
    good_line("float_noise", line("float_noise", line_amount=0.1 + 0.2), {"line_amount": 0.3}),
    good_line("escapes", line("escapes", order_id="é\u2028\U0001f600"), {"order_id": "é\u2028\U0001f600"}),
    good_line("other_names", line("other_names", till={"id": [7]}), {"_extra": {"till": '{"id": [7]}'}}),
    good_line("blank_lines", "\n \n" + line("blank_lines") + "\n\n", {"order_id": "o1"}),
    bad_line("oversized", line("oversized", order_id="x" * (ROW_KB << 10)), "a row of"),
    bad_line("oversized_extra", line("oversized_extra", note="x" * (ROW_KB << 10)), "a row of"),
    BadFile(
        "oversized.json",
        array("oversized_array", {}, {"note": ["x" * (ROW_KB << 10)]}).encode(),
        1,
        refused={2: "a row of"},
    ),
    BadFile("bom.jsonl", b"\xef\xbb\xbf" + as_lines(rows("bom_lines", {}, {})), 2),
    BadFile("crlf.jsonl", as_lines(rows("crlf_lines", {}, {})).replace(b"\n", b"\r\n"), 2),
    BadFile("no_end.jsonl", as_lines(rows("no_end", {}, {}))[:-1], 2),
    BadFile("empty.jsonl", b"\n"),
    BadFile("array_in_lines.jsonl", array("array_in_lines", {}, {}).encode(), refused={1: "not a JSON object"}),
    BadFile("csv_in_lines.jsonl", b"a,b\n1,2\n", refused={1: "not JSON", 2: "not JSON"}),
    BadFile(
        "lines_in_array.json", as_lines(rows("lines_in_array", {}, {})), refused={0: "file can't be read: not a JSON"}
    ),
    BadFile(
        "object.json", json.dumps(rows("object", {})[0]).encode(), refused={0: "file can't be read: not a JSON array"}
    ),
    BadFile("cut.json", array("cut_array", {}, {})[:-30].encode(), refused={0: "file can't be read: not a JSON array"}),
    BadFile(
        "comma.json", (array("comma_array", {}, {})[:-1] + ",]").encode(), refused={0: "file can't be read: not a"}
    ),
    BadFile("two.json", (array("two", {}) * 2).encode(), refused={0: "file can't be read: not a JSON array"}),
    BadFile("none.json", b"[]"),
    BadFile("nothing.json", b"", refused={0: "file can't be read: not a JSON array"}),
    BadFile("deep.json", b"[" * 5000 + b"]" * 5000, refused={0: "file can't be read"}),
    BadFile("pretty.json", json.dumps(rows("pretty", {}, {}), indent=2).encode(), 2),
    BadFile(
        "mixed.json",
        json.dumps([*rows("mixed", {}, {"line_amount": "x"}), 5, None, ["a"]]).encode(),
        1,
        refused={2: "line_amount is no", 3: "not a JSON object", 4: "not a JSON object", 5: "not a JSON object"},
    ),
    BadFile("utf16.json", array("utf16_array", {}).encode("utf-16"), refused={0: "file can't be read"}),
]
