"""Several jobs in one process; what a process ends with."""

import errno
import subprocess
import sys

import pytest

from jobs import __main__ as jobs_main
from jobs import errors, runtime
from tests.faults.shop import REPOSITORY


def test_jobs_run_in_the_order_named_with_the_arguments_after_them(monkeypatch):
    ran = []
    monkeypatch.setattr(runtime, "run_jobs", lambda names, arguments: ran.append((names, arguments)))
    jobs_main.main(["tile", "snapshot", "--as-of", "2024-03-31", "ingest"])
    assert ran == [(["tile", "snapshot"], ["--as-of", "2024-03-31", "ingest"])]


def test_a_job_that_fails_stops_those_after_it(monkeypatch):
    from jobs import conform, ingest

    def refuse(arguments: list[str]) -> None:
        raise errors.ContractError("broken")

    ran = []
    monkeypatch.setattr(ingest, "main", refuse)
    monkeypatch.setattr(conform, "main", ran.append)
    with pytest.raises(errors.ContractError):
        jobs_main.main(["ingest", "conform", "--as-of", "2024-03-31"])
    assert not ran


@pytest.mark.parametrize("names", [["ingest", "nonsense"], ["land"], []])
def test_an_unknown_job_is_refused_before_any_runs(names, monkeypatch):
    monkeypatch.setattr(runtime, "run_jobs", lambda *_: pytest.fail("ran"))
    with pytest.raises(errors.MissingInputError, match="the jobs are ingest, conform"):
        jobs_main.main([*names, "--as-of", "2024-03-31"])


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_tells_the_jobs_and_runs_none(word, monkeypatch, capsys):
    monkeypatch.setattr(runtime, "run_jobs", lambda *_: pytest.fail("ran"))
    jobs_main.main([word])
    told = capsys.readouterr().out
    assert all(job in told for job in jobs_main.JOBS)


@pytest.mark.parametrize("stretch", [["--from", "2024-03-01"], ["--from=2024-03-01"]])
def test_a_stretch_is_refused_before_any_job_runs_where_one_of_them_writes_one_night(stretch, monkeypatch):
    ran = []
    monkeypatch.setattr(runtime, "run_jobs", lambda names, arguments: ran.append(names))
    with pytest.raises(errors.MissingInputError, match="--from is not for publish"):
        jobs_main.main(["ingest", "tile", "publish", "--as-of", "2024-03-31", *stretch])
    jobs_main.main(["ingest", "conform", "tile", "gate", "--as-of", "2024-03-31", *stretch])
    assert ran == [["ingest", "conform", "tile", "gate"]]


def test_every_job_named_has_a_main():
    from importlib import import_module

    assert all(callable(import_module(f"jobs.{name}").main) for name in jobs_main.JOBS)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.MissingInputError("x"), 2),
        (errors.ContractError("x"), 3),
        (errors.GateRefusedError("x"), 4),
        (errors.TemporaryError("x"), 75),
        (OSError(errno.ENOSPC, "full", "there"), 75),
    ],
)
def test_known_errors_end_in_one_line_and_their_code(error, code, capsys):
    def fail(arguments: list[str]) -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        runtime.start(fail, [])
    assert ended.value.code == code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("nightjar: ")


def test_an_unknown_error_keeps_its_trace():
    def fail(arguments: list[str]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        runtime.start(fail, [])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["jobs", "nonsense", "--as-of", "2024-03-31"], "unknown job nonsense"),
        (["jobs.tile", "--as-of", "2024-13-31"], "invalid"),
        (["jobs.tile"], "--as-of"),
    ],
)
def test_a_process_called_wrongly_ends_with_code_2(arguments, told):
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]
