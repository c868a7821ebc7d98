"""Exports, pages and table versions of an erasure."""

import csv
import hashlib
import json
import os
import re
import shutil
from collections.abc import Set
from pathlib import Path
from typing import Any

from features.spreadsheet import csv_text, safe_text
from jobs.erase_landing import PARTIAL, forget_partial
from jobs.erase_texts import texts_of
from jobs.erase_words import Sought, Words, is_distinctive
from jobs.settings import Settings
from schemas.contract import ERASED


def erase_exports(exports: Path, customers: Set[str]) -> tuple[int, int]:
    """Take customers out of campaign files; the manifest tells the new count and hash."""
    forget_partial(exports)
    for scratch in (*exports.glob("*/.*.partial"), *exports.glob("*/.*.old")):  # of an export that was killed
        shutil.rmtree(scratch)
    rows, written = 0, {safe_text(one) for one in customers}
    for contacts in sorted(exports.glob("*/*/contacts.csv")):
        with contacts.open(newline="", encoding="utf-8") as stream:
            header, *records = csv.reader(stream)
        place = header.index("customer_id")
        kept = [one for one in records if one[place] not in written]
        if len(kept) == len(records):
            continue
        rows += len(records) - len(kept)
        content = csv_text([header, *kept]).encode()
        about = json.loads((contacts.parent / "manifest.json").read_text())
        gone = about["contact_count"] - len(kept)
        about |= {"contact_count": len(kept), "erased_count": about.get("erased_count", 0) + gone}
        about["files"]["contacts.csv"] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        # The manifest first: killed between the two, the next run finds the rows again and counts them once.
        _replace(contacts.parent / "manifest.json", (json.dumps(about, indent=2) + "\n").encode())
        _replace(contacts, content)
    return rows, 0


def remove_quotes(settings: Settings, customers: Set[str]) -> None:
    """Delete pages that quote a customer: Data Docs are written anew by each gate, staged rows by each ingest.

    A short id counts here between quotes or tags: a page too many does no harm.
    """
    words = Words(one.encode() for one in customers)
    short = [re.escape(one.encode()) for one in sorted(customers) if not is_distinctive(one)]
    as_value = re.compile(rb"[\"'>\x00](?:" + b"|".join(short) + rb")[\"'<\x00\\]") if short else None
    distinctive = Words(one.encode() for one in customers if is_distinctive(one))
    for folder in (settings.quality, settings.staging):
        for path in sorted(folder.rglob("*")):  # no folder that is a link: what lies elsewhere is blanked, not deleted
            if path.is_file() and any(
                distinctive.finds(text) or (as_value and words.finds(text) and as_value.search(text))
                for _, text in texts_of(path)
            ):
                path.unlink()


def blank_quotes(path: Path, sought: Sought) -> None:
    """Blank the names in a page or file of text."""
    content, quotes = sought.blanked(path.read_bytes(), ERASED.encode())
    if quotes:
        _replace(path, content)


def forget_versions(table: Path) -> None:
    """Delete what earlier versions of a Delta table left, data and log."""
    from deltalake import DeltaTable

    def stored() -> Any:
        return DeltaTable(str(table))

    stored().vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
    stored().alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})
    stored().create_checkpoint()
    stored().cleanup_metadata()
    stored().alter.set_table_properties({"delta.logRetentionDuration": "interval 30 days"})
    version = f"{stored().version():020d}"
    for old in (table / "_delta_log").glob("*.crc"):  # of versions whose entries are gone; they repeat statistics
        if old.name.split(".")[0] < version:
            old.unlink()


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}{PARTIAL}")
    partial.write_bytes(content)
    os.replace(partial, path)
