"""Refused rows of customers that may hold a consent taken back: without them an older yes would stand."""

import json

from jobs.pseudonyms import key_of, pseudonym
from jobs.tables import Run
from schemas.clean import CLEAN_CONSENT
from schemas.contract import ERASED
from schemas.ops import OPS_REPLAY
from schemas.raw import RAW_QUARANTINE


def refused_consents(run: Run) -> list[str]:
    """Places of the run's refused rows of customers that may speak of a consent, but for those put back by its ingest.

    Where nobody gave a consent, or none is asked for, there is nothing to be taken back. Whole files are not looked at
    here, nor are the texts of erased customers, of which nothing is left.
    """
    rows = run.brought(RAW_QUARANTINE).filter("source = 'customers' AND source_line > 0").collect()
    told = [row for row in rows if _may_speak_of_consent(row.original_text)]
    if not told or not run.settings.consent_required:
        return []
    if not run.exists(CLEAN_CONSENT) or not run.read(CLEAN_CONSENT).head(1):
        return []
    replayed = run.read(OPS_REPLAY).filter(f"replayed_date <= DATE'{run.as_of_date}'").collect()
    put_back = {(row.source_file, row.source_line, row.text_hash) for row in replayed}
    key = key_of(run.settings)
    return [
        f"{row.source_file} line {row.source_line}"
        for row in told
        if (row.source_file, row.source_line, pseudonym(row.original_text, key)) not in put_back
    ]


def _may_speak_of_consent(text: str | None) -> bool:
    """Whether a row's text has a column of consents, or is no record, so that nobody can tell."""
    if text is None or text == ERASED:
        return False
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return True
    return not isinstance(record, dict) or any("consent" in name.lower() and value for name, value in record.items())
