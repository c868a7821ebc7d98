"""Refused rows in which a consent may be taken back."""

from datetime import date

import pytest

from jobs.pseudonyms import key_of, pseudonym
from jobs.refused_consents import refused_consents
from schemas.clean import CLEAN_CONSENT
from schemas.ops import OPS_REPLAY
from schemas.raw import RAW_QUARANTINE

D = date(2024, 3, 29)
FILE = "customers/dt=2024-03-29/a.csv"
SAYS_NO = '{"customer_id": "a", "consent_purpose": "marketing", "consent_status": "withdrawn"}'
TEXTS = [SAYS_NO, '{"customer_id": "a", "country": "x"}', "a,marketing,revo", None, "(erased)"]


@pytest.fixture
def refused(make_run, frame):
    """`refused(**settings)`: a run of D whose customers came with refused rows of `TEXTS`."""

    def write(**settings):
        run = make_run(D, **settings)
        row = {"ingest_date": D, "source": "customers", "source_file": FILE}
        rows = [row | {"source_line": line, "original_text": text} for line, text in enumerate(TEXTS, 2)]
        others = [row | {"source_line": 0}, row | {"source": "reviews", "source_line": 2, "original_text": SAYS_NO}]
        run.replace(frame(RAW_QUARANTINE, *rows, *others), RAW_QUARANTINE)
        return run

    return write


@pytest.fixture
def consents(make_run, frame):
    make_run(D).merge(frame(CLEAN_CONSENT, {"customer_id": "b"}), CLEAN_CONSENT)


def test_a_refused_row_that_speaks_of_a_consent_or_is_no_record_may_be_a_no(consents, refused):
    assert refused_consents(refused()) == [f"{FILE} line 2", f"{FILE} line 4"]


def test_a_row_that_was_put_back_into_the_night_is_no_longer_missing(consents, refused, frame):
    run = refused()
    hashed = pseudonym(SAYS_NO, key_of(run.settings))
    mark = {"ingest_date": D, "source_file": FILE, "source_line": 2, "text_hash": hashed, "replayed_date": D}
    run.merge(frame(OPS_REPLAY, mark), OPS_REPLAY)
    assert refused_consents(run) == [f"{FILE} line 4"]


def test_where_no_consent_is_asked_for_or_was_given_none_can_be_taken_back(refused):
    assert refused_consents(refused()) == []


def test_where_no_consent_is_required_none_is_missed(consents, refused):
    assert refused_consents(refused(consent_required=False)) == []
