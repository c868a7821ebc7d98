"""While a customer is half erased no job goes on but the erasure."""

from importlib import import_module

import pytest

from jobs import erase, erase_note
from jobs.errors import MissingInputError
from schemas.ops import OPS_ERASURE
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


def die(*_):
    raise KeyboardInterrupt


def killed(lake, *given):
    with pytest.raises(KeyboardInterrupt), erase_note.unfinished(lake, *given):
        raise KeyboardInterrupt


def ended(lake, *given):
    with erase_note.unfinished(lake, *given):
        pass


@pytest.mark.parametrize(
    ("begun", "later", "left"),
    [
        (("a",), [("a", "b")], 0),
        (("a", "b"), [("b",), ("a",)], 0),
        (("a", "b"), [("a",)], 1),
        (("of-both", erase_note.REFUSED_AGAIN), [("a", "b")], 0),
    ],
)
def test_an_erasure_ends_what_was_begun_for_its_customers(begun, later, left, lake):
    killed(lake, {*begun})
    for customers in later:
        ended(lake, {*customers}, "of-both")
    assert len(erase_note.noted(lake) - {erase_note.REFUSED_AGAIN}) == left
    if left:
        with pytest.raises(
            MissingInputError, match=rf"run it again with the same customers \(customers left: {left}\)"
        ):
            erase_note.refuse_after_unfinished_erasure(lake)


def test_a_night_waits_until_a_killed_erasure_was_run_again(lake, run_job):
    land(lake, D1, "a.csv", line("1"))
    killed(lake, {"a"})
    ended(lake, {"b"})
    with pytest.raises(MissingInputError, match="an erasure did not end; run it again with the same customers"):
        run_job("ingest", D1)
    ended(lake, {"a"})
    run_job("ingest", D1)
    assert not (lake / erase_note.UNFINISHED).exists()


@pytest.mark.parametrize("job", JOBS)
def test_after_a_killed_erasure_no_job_goes_on(job, lake, run_job):
    killed(lake, {"a"})
    before = sorted(lake.iterdir())
    with pytest.raises(MissingInputError, match="an erasure did not end"):
        run_job(job, D1, None, *OPTIONS.get(job, []))
    assert {path.name for path in {*lake.iterdir()} - {*before}} <= {".lock"}


def test_every_job_that_opens_a_run_asks(lake, no_settings, monkeypatch):
    killed(lake, {"a"})
    monkeypatch.setenv("NIGHTJAR_LAKE", str(lake))
    with pytest.raises(MissingInputError, match="an erasure did not end"):
        import_module("jobs.backfill").main(["--to", str(D1), "--from", str(D1)])


def test_an_erasure_killed_before_its_first_change_stops_the_night_too(lake, make_run, frame, run_job, monkeypatch):
    make_run(D1).replace(frame(RAW_CUSTOMERS, {"customer_id": "GONE-01", "ingest_date": D1}), RAW_CUSTOMERS)

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(erase.refusal, "refuse", die)
        erase.erase(make_run(D1), {"GONE-01"})
    with pytest.raises(MissingInputError, match="an erasure did not end"):
        run_job("publish", D1)
    run_job("erase", D1, None, "--customer", "GONE-01")
    assert not (lake / erase_note.UNFINISHED).exists()


def test_maintenance_ends_an_erasure_of_the_refused_that_was_killed(lake, run_job):
    killed(lake, {erase_note.REFUSED_AGAIN})
    run_job("maintain", D1)
    assert not (lake / erase_note.UNFINISHED).exists()


@pytest.fixture
def with_customers(make_run, frame):
    """A lake that knows two customers."""
    rows = [{"event_id": name, "customer_id": name, "ingest_date": D1} for name in ("GONE-01", "GONE-02")]
    make_run(D1).replace(frame(RAW_CUSTOMERS, *rows), RAW_CUSTOMERS)


@pytest.mark.parametrize("killed_at", ["remove", "find", "prove"])
def test_the_note_stands_until_the_proof_is_written_and_a_larger_erasure_ends_it(
    killed_at, lake, with_customers, make_run, monkeypatch
):
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(erase, killed_at, die)
        erase.erase(make_run(D1), {"GONE-01"})
    assert len(erase_note.noted(lake)) == 1
    erase.erase(make_run(D1), {"GONE-01", "GONE-02"})
    assert not (lake / erase_note.UNFINISHED).exists()


def test_what_an_erasure_did_not_cover_of_one_that_was_killed_is_told_and_stays(
    lake, with_customers, make_run, monkeypatch, caplog
):
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(erase, "remove", die)
        erase.erase(make_run(D1), {"GONE-01", "GONE-02"})
    erase.erase(make_run(D1), {"GONE-01"})
    assert "an erasure that was killed is about others too: run it again with them (customers left: 1)" in caplog.text
    assert len(erase_note.noted(lake)) == 1


def test_an_erasure_that_still_finds_somebody_is_proven_and_blocks_no_night(lake, with_customers, make_run):
    (lake / "kept").write_bytes(b"GONE-01")
    with pytest.raises(erase.NotErasedError):
        erase.erase(make_run(D1), {"GONE-01"})
    proof = {row.place: row.after_count for row in make_run(D1).read(OPS_ERASURE).collect()}
    assert proof["all files of the lake"] == 1 and not (lake / erase_note.UNFINISHED).exists()
