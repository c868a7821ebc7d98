"""While a customer is half erased no job goes on but the erasure."""

from importlib import import_module

import pytest

from jobs import erase_note
from jobs.errors import MissingInputError
from schemas.raw import RAW_CUSTOMERS
from tests.jobs.landed import D1, land, line

# Those that read and write nothing of customers' (show), or no lake's tables (land, install, …), may run.
JOBS = (
    "ingest",
    "conform",
    "identify",
    "tile",
    "gate",
    "snapshot",
    "train",
    "score",
    "publish",
    "plan_campaign",
    "export_campaign",
    "measure_campaign",
    "report",
    "maintain",
    "replay",
)
OPTIONS = {"gate": ["--layer", "clean"], "replay": ["--reason", "x"]}


def killed(lake, *given):
    with pytest.raises(KeyboardInterrupt), erase_note.unfinished(lake, *given):
        raise KeyboardInterrupt


def test_a_night_waits_until_a_killed_erasure_was_run_again(lake, run_job):
    land(lake, D1, "a.csv", line("1"))
    killed(lake, "a")
    with erase_note.unfinished(lake, "b"):
        pass
    with pytest.raises(MissingInputError, match="an erasure did not end; run it again with the same customers"):
        run_job("ingest", D1)
    with erase_note.unfinished(lake, "a"):
        pass
    run_job("ingest", D1)
    assert not (lake / erase_note.UNFINISHED).exists()


@pytest.mark.parametrize("job", JOBS)
def test_after_a_killed_erasure_no_job_goes_on(job, lake, run_job):
    killed(lake, "a")
    before = sorted(lake.iterdir())
    with pytest.raises(MissingInputError, match="an erasure did not end"):
        run_job(job, D1, None, *OPTIONS.get(job, []))
    assert {path.name for path in {*lake.iterdir()} - {*before}} <= {".lock"}


def test_every_job_that_opens_a_run_asks(lake, no_settings, monkeypatch):
    killed(lake, "a")
    monkeypatch.setenv("NIGHTJAR_LAKE", str(lake))
    with pytest.raises(MissingInputError, match="an erasure did not end"):
        import_module("jobs.backfill").main(["--to", str(D1), "--from", str(D1)])


def test_an_erasure_killed_before_its_first_change_stops_the_night_too(lake, make_run, frame, run_job, monkeypatch):
    from jobs import erase

    make_run(D1).replace(frame(RAW_CUSTOMERS, {"customer_id": "GONE-01", "ingest_date": D1}), RAW_CUSTOMERS)

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(erase.refusal, "refuse", die)
        erase.erase(make_run(D1), {"GONE-01"})
    with pytest.raises(MissingInputError, match="an erasure did not end"):
        run_job("publish", D1)
    run_job("erase", D1, None, "--customer", "GONE-01")
    assert not (lake / erase_note.UNFINISHED).exists()


def test_maintenance_ends_an_erasure_of_the_refused_that_was_killed(lake, run_job):
    killed(lake, erase_note.REFUSED_AGAIN)
    run_job("maintain", D1)
    assert not (lake / erase_note.UNFINISHED).exists()
