"""What `make nightly` and `make night` do, as a list of commands: land, history, train, nights through Airflow, show.

Makes command lines and runs them, nothing else; each step is a process of its own. Options are checked before anything
long begins (`jobs/options.py`).
"""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import NoReturn

from jobs.options import HOME, OptionError, Options, check_dates, check_lake, options_of

USAGE = 2
STOPPED = 130
SAID_WHY = (2, 3, 4, 75)  # exit codes of a job that has told in one line what is wrong


@dataclass(frozen=True)
class Step:
    """One process, and what it does in words."""

    title: str
    command: list[str]


def published_dates(lake: Path) -> list[date]:
    """Dates that readers see."""
    from deltalake import DeltaTable

    table = lake / "customer_360"
    if not DeltaTable.is_deltatable(str(table)):
        return []
    return sorted({date.fromisoformat(partition["as_of_date"]) for partition in DeltaTable(str(table)).partitions()})


def is_finished(lake: Path, night: date) -> bool:
    """Whether a night is published and left both files that come after: a run that stopped before them goes on."""
    has_export = any((lake / "exports").glob(f"*/{night}/manifest.json"))
    return night in published_dates(lake) and has_export and (lake / "reports" / f"{night}.html").is_file()


def python(*arguments: str) -> list[str]:
    """A command of this environment's Python."""
    return [sys.executable, *arguments]


def steps_before(options: Options) -> Iterator[Step]:
    """Until the data are landed and their dates known."""
    if options.engine == "spark":
        into = options.environment["NIGHTJAR_SPARK_JARS"]
        yield Step(f"Delta's libraries for Spark into {into}", python("-m", "jobs.jars", "--into", into))
    if options.source is None and options.shop:
        say(f"landed already: {options.dataset} in {options.lake}")
        return
    source = ["--source", str(options.source)] if options.source else []
    command = python("-m", "jobs.land", "--dataset", options.dataset, *source, "--lake", str(options.lake))
    yield Step(f"land {options.dataset} into {options.lake}", command)


def steps_after(options: Options) -> Iterator[Step]:
    """History, models, the newest nights through Airflow, and what came of it."""
    as_of = options.as_of or options.shop["last_date"]
    nights = [as_of - timedelta(days=back) for back in reversed(range(options.nights))]
    before = nights[0] - timedelta(days=1)
    done = [night for night in nights if is_finished(options.lake, night)]
    if done:
        again = f"`make night AS_OF={done[-1]}` runs one again"
        say(f"published already, with campaign file and report: {', '.join(map(str, done))}; {again}")
    if done == nights:
        yield show_step(as_of)
        return
    yield Step(f"history up to {before}", python("-m", "jobs.backfill", "--to", str(before)))
    if set(nights) & set(published_dates(options.lake)):
        say("trained already: a night of these is published")
    else:
        yield Step(f"train the models as of {before}", python("-m", "jobs.train", "--as-of", str(before)))
    yield from night_steps([night for night in nights if night not in done])


def night_steps(nights: list[date]) -> Iterator[Step]:
    """The nights through Airflow, and what came of them."""
    dates = [str(night) for night in nights]
    runner = str(HOME / "dags" / "run.py")
    yield Step(f"nights {', '.join(dates)} through Airflow", python(runner, "nightly", *dates))
    yield show_step(nights[-1])


def show_step(night: date) -> Step:
    """What came of a night."""
    return Step("what is there now", python("-m", "jobs.show", "--as-of", str(night)))


def next_night(options: Options) -> date:
    """The date asked for, else the day after the newest published one."""
    if options.as_of:
        return options.as_of
    published = published_dates(options.lake)
    if not published:
        raise OptionError(f"{options.lake} has no published date: run `make nightly` first, or give AS_OF=YYYY-MM-DD")
    if published[-1] >= options.shop["last_date"]:
        raise OptionError(
            f"{published[-1]}, the last day of the data, is published: give AS_OF=YYYY-MM-DD to run it again"
        )
    return published[-1] + timedelta(days=1)


def say(line: str) -> None:
    """Write one line of progress, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class StepError(Exception):
    """A step failed; `exit_code` is the step's."""

    def __init__(self, title: str, exit_code: int) -> None:
        super().__init__(f"stopped at: {title} (exit code {exit_code}); run the same command again to go on")
        self.exit_code = exit_code


def call(command: list[str], environment: dict[str, str]) -> int:
    """Run a step to its end. A stop reaches it as Ctrl-C, on which `dags/run.py` also stops the job it started."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a script's background, and the step would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, cwd=HOME, env=environment)
    signal.signal(signal.SIGTERM, lambda *_: process.send_signal(signal.SIGINT))
    try:
        return process.wait()
    except KeyboardInterrupt:  # the terminal has sent it to the step too; `subprocess.run` would kill it at once
        process.wait()
        raise
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def run_steps(steps: Iterator[Step], options: Options, seconds: dict[str, float]) -> None:
    """Run the steps in order, each announced and timed."""
    for step in steps:
        say(f"\n== {step.title}")
        begin = time.monotonic()
        exit_code = call(step.command, options.environment)
        seconds[step.title] = time.monotonic() - begin
        say(f"== done seconds={seconds[step.title]:.1f}" if exit_code == 0 else f"== failed exit_code={exit_code}")
        if exit_code:
            raise StepError(step.title, exit_code)


def run(what: str, options: Options) -> None:
    """Run everything, or one night, and tell where the time went."""
    seconds: dict[str, float] = {}
    if what == "night":
        run_steps(night_steps([next_night(options)]), options, seconds)
    else:
        run_steps(steps_before(options), options, seconds)
        check_dates(options, options.shop, options.nights)
        run_steps(steps_after(options), options, seconds)
    say("")
    for title, spent in seconds.items():
        say(f"{spent:7.1f} s  {title}")
    say(f"{sum(seconds.values()):7.1f} s  in all")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message}: see make help")


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line; return the exit code."""
    parser = _Parser(prog="python -m jobs.nightly", description="What `make nightly` and `make night` do.")
    parser.add_argument("what", choices=("all", "night"), help="everything from landing on, or one night")
    parser.add_argument("--check-only", action="store_true", help="check the options, run nothing")
    parser.add_argument("--dataset", default="complete-journey")
    parser.add_argument("--source", default="")
    parser.add_argument("--lake")
    parser.add_argument("--as-of", default="")
    parser.add_argument("--nights", default="3")
    parser.add_argument("--engine", default="sail")
    try:
        given = parser.parse_args(arguments)
        options = options_of(given)
        check_lake(options, given.what)
        if not given.check_only:
            run(given.what, options)
    except OptionError as error:
        sys.stderr.write(f"error: {error}\n")
        return USAGE
    except StepError as error:
        if error.exit_code not in SAID_WHY:
            sys.stderr.write(f"error: {error}\n")
        return error.exit_code if error.exit_code > 0 else 128 - error.exit_code
    except KeyboardInterrupt:
        return STOPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
