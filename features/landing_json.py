"""Rows of JSON lines and JSON arrays.

A value is either exactly what the file says or no value: digits that a float would lose, and lists or records where
a text belongs, refuse their row.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from features.landing_rows import (
    BATCH_ROWS,
    EXTRA,
    EXTRA_TYPE,
    KB,
    NOT_UTF8,
    Limits,
    Problem,
    problems,
    shown,
    unpacked,
)

BOM = b"\xef\xbb\xbf"
EXACT_DIGITS = 15  # of a decimal number that a float gives back unchanged
_LONG_NUMBER = re.compile(rb"[\d.]{16}")
_KEY_END = re.compile(rb'"\s*:')
_DOUBLED = None  # a key that no JSON record has: holds the name that stands twice


def json_lines(path: Path, columns: tuple[str, ...], limits: Limits) -> Iterator[pa.Table]:
    """Rows of a file with a JSON object a line."""
    with unpacked(path, limits) as stream:
        lines = stream.read().removeprefix(BOM).split(b"\n")
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    for start in range(0, len(numbered), BATCH_ROWS):
        found: list[tuple[int, Any, Any]] = []
        invalid: list[Problem] = []
        for number, line in numbered[start : start + BATCH_ROWS]:
            if len(line) > limits.row_kb * KB:
                invalid.append((number, limits.says_too_long(len(line)), shown(line[: limits.row_kb * KB])))
                continue
            try:
                found.append((number, _loads(line), line))
            except (ValueError, RecursionError) as error:
                invalid.append((number, _why_no_json(line, error), shown(line)))
        yield from _records(found, columns, invalid, limits)


def _why_no_json(line: bytes, error: BaseException) -> str:
    try:
        line.decode()
    except UnicodeDecodeError:
        return "the row is not UTF-8"
    return f"not JSON: {error}"


def json_array(path: Path, columns: tuple[str, ...], limits: Limits) -> Iterator[pa.Table]:
    """Rows of a file that is one JSON array of objects."""
    with unpacked(path, limits) as stream:
        text = stream.read().removeprefix(BOM)
    try:
        records = _loads(text)
    except ValueError as error:
        told = _why_no_json(text, error)
        raise ValueError(f"not a JSON array: {error}" if told.startswith("not JSON") else NOT_UTF8) from error
    if not isinstance(records, list):
        raise ValueError("not a JSON array")
    yield from _records([(number, record, record) for number, record in enumerate(records, 1)], columns, [], limits)


def _loads(text: bytes) -> Any:
    """JSON by the fast parser; once more by the exact one where a float would lose digits or a name may stand twice."""
    found = orjson.loads(text)
    if isinstance(found, list):
        keys = sum(len(record) for record in found if isinstance(record, dict))
    else:
        keys = len(found) if isinstance(found, dict) else 0
    if _LONG_NUMBER.search(text):
        return json.loads(text.decode(), parse_int=str, parse_float=_exact_float, object_pairs_hook=_record)
    if len(_KEY_END.findall(text)) > keys:
        return json.loads(text.decode(), object_pairs_hook=_record)
    return found


def _exact_float(number: str) -> str:
    return number if sum(map(str.isdigit, number)) > EXACT_DIGITS else str(float(number))


def _record(pairs: list[tuple[str, Any]]) -> dict[str | None, Any]:
    record: dict[str | None, Any] = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        record[_DOUBLED] = next(name for name in names if names.count(name) > 1)
    return record


def _records(
    found: list[tuple[int, Any, Any]], columns: tuple[str, ...], invalid: list[Problem], limits: Limits
) -> Iterator[pa.Table]:
    """Tables of the records (number, record, text or what it was made to), and of what is no row, after `invalid`."""
    known = {*columns, _DOUBLED}
    records, numbers, extras = [], [], []
    for number, record, source in found:
        if problem := _problem_of(record, columns):
            invalid.append((number, problem, _shown(source)))
            continue
        try:
            extra = None if record.keys() <= known else _extra(record, known)
        except RecursionError:
            invalid.append((number, "nested too deep", _shown(source)))
            continue
        records.append(record)
        numbers.append(number)
        extras.append(extra)
    data = {name: pa.array([_text(record.get(name)) for record in records], pa.string()) for name in columns}
    yield pa.table(data | {EXTRA: pa.array(extras, EXTRA_TYPE), "source_line": pa.array(numbers, pa.int64())})
    if invalid:
        yield problems(sorted(invalid, key=lambda one: one[0]), limits)


def _extra(record: dict[str | None, Any], known: set[str | None]) -> list[tuple[str, str]] | None:
    """The record's names that the contract does not know. A map under `_extra`, as ingest writes one, is those."""
    others = {str(name): value for name, value in record.items() if name not in known}
    if isinstance(given := others.get(EXTRA), dict):
        del others[EXTRA]
        others = {str(name): value for name, value in given.items() if name is not _DOUBLED} | others
    texts = {name: shown(_plain(v)) if isinstance(v, dict | list) else _text(v) for name, v in others.items()}
    return [(name, text) for name, text in texts.items() if text is not None] or None


def _problem_of(record: Any, columns: tuple[str, ...]) -> str | None:
    if not isinstance(record, dict):
        return "not a JSON object"
    if (doubled := record.get(_DOUBLED)) in columns:
        return f"{doubled} stands twice in the record"
    nested = next((name for name in columns if isinstance(record.get(name), dict | list)), None)
    return f"{nested} is no text" if nested else None


def _shown(source: Any) -> str | None:
    try:
        return shown(_plain(source))
    except RecursionError:
        return None


def _plain(value: Any) -> Any:
    """JSON without the mark of doubled names, at any depth."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if name is not _DOUBLED}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)
