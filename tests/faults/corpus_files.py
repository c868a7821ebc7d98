"""Files as such: packed badly, named badly, sent twice."""

import io
import zipfile

from tests.faults.corpus import D2, UNPACKED_MB, BadFile, as_csv, as_lines, packed, rows, zstd

CSV = as_csv(rows("packed", {}, {}))
LONG = as_csv(rows("long_packed", *[{"order_id": f"o{number}"} for number in range(400)]))


def _csv(stem: str) -> bytes:
    return as_csv(rows(stem, {}))


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", _csv("zipped"))
    return buffer.getvalue()


BOMB, TOO_LARGE = 3 * UNPACKED_MB << 20, f"file can't be read: it unpacks to more than {UNPACKED_MB} MB"
NAMES = (
    "it's; DROP TABLE raw_transactions;--.csv",
    'quote".csv',
    "two words.csv",
    "line\nbreak.csv",
    "tab\tand `backtick`.csv",
    "-rf.csv",
    "$(id) & %20 #x?.csv",
    "back\\slash.csv",
    "=HYPERLINK(1).csv",
    "Ünïcode 👩.csv",
    f"{'n' * 200}.csv",
    "a.csv.b.csv",
)

FILES = [
    BadFile("good.csv.gz", packed(_csv("good_gz")), 1),
    BadFile("good.csv.zst", zstd(_csv("good_zst")), 1),
    BadFile("good.jsonl.zst", zstd(as_lines(rows("good_jsonl_zst", {}))), 1),
    BadFile("cut.csv.gz", packed(LONG)[:-200], refused={0: "file can't be read"}),
    BadFile("cut_in_head.csv.gz", packed(LONG)[:8], refused={0: "file can't be read"}),
    BadFile("cut.jsonl.gz", packed(as_lines(rows("cut_jsonl", *[{}] * 99)))[:-12], refused={0: "file can't be read"}),
    BadFile("cut.csv.zst", zstd(LONG)[:-200], refused={0: "file can't be read"}),
    BadFile("checksum.csv.gz", packed(CSV)[:-8] + b"\0" * 8, refused={0: "file can't be read"}),
    BadFile("tail.csv.gz", packed(_csv("tail")) + b"garbage", refused={0: "file can't be read"}),
    BadFile("members.csv.gz", packed(_csv("members1")) + packed(_csv("members2").partition(b"\n")[2]), 2),
    BadFile("frames.csv.zst", zstd(_csv("frames1")) + zstd(_csv("frames2").partition(b"\n")[2]), 2),
    BadFile("twice.csv.gz", packed(packed(_csv("twice_gz"))), refused={0: "file can't be read"}),
    BadFile("plain.csv.gz", _csv("plain_gz"), refused={0: "file can't be read"}),
    BadFile("plain.csv.zst", _csv("plain_zst"), refused={0: "file can't be read"}),
    BadFile("other.csv.zst", packed(_csv("other_zst")), refused={0: "file can't be read"}),
    BadFile("packed.csv", packed(_csv("packed_as_plain")), refused={0: "file can't be read"}),
    BadFile("zip.csv", _zip(), refused={0: "file can't be read"}),
    BadFile("empty.csv.gz", packed(b""), refused={0: "file can't be read: it is empty"}),
    BadFile("nothing.csv.gz", b"", refused={0: "file can't be read"}),
    BadFile("bomb.csv.gz", packed(_csv("bomb_csv") + b"," * BOMB), refused={0: TOO_LARGE}),
    BadFile("bomb.jsonl.gz", packed(as_lines(rows("bomb_lines", {})) + b" " * BOMB), refused={0: TOO_LARGE}),
    BadFile("bomb.json.zst", zstd(b"[" + b" " * BOMB + b"]"), refused={0: TOO_LARGE}),
    BadFile("bomb_zeros.csv.zst", zstd(b"\0" * BOMB), refused={0: "file can't be read"}),
    *(BadFile(name, _csv(f"name{number}"), 1) for number, name in enumerate(NAMES)),
    BadFile(".hidden.csv", _csv("hidden"), is_ignored=True),
    BadFile("..csv", _csv("two_points"), is_ignored=True),
    BadFile("_partial.csv", _csv("partial"), is_ignored=True),
    BadFile("sent.csv", _csv("sent"), 1),
    BadFile("sent_again.csv", _csv("sent"), is_ignored=True),
    BadFile("sent_tomorrow.csv", _csv("sent"), day=D2, is_ignored=True),
    BadFile("sent_as_lines.jsonl", as_lines(rows("sent", {}, {})), 1, 1, day=D2),
    BadFile("late.csv", as_csv(rows("late", {"event_at": "2023-08-01T10:00:00Z"})), 1, day=D2),
]
