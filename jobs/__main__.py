"""Run several jobs, one after the other, in one process and one engine session.

python -m jobs ingest conform --as-of 2017-12-31
"""

import sys
from pathlib import Path

if __name__ == "__main__" and not __package__:  # as spark-submit runs it, by path
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from jobs import runtime
from jobs.errors import MissingInputError

JOBS = (
    "ingest",
    "conform",
    "identify",
    "tile",
    "snapshot",
    "sequences",
    "train",
    "score",
    "gate",
    "publish",
    "measure_campaign",
    "plan_campaign",
    "export_campaign",
    "report",
    "maintain",
)


def main(arguments: list[str]) -> None:
    """Run the jobs named first with the arguments that follow."""
    if arguments[:1] in (["--help"], ["-h"]):
        sys.stdout.write(
            f"{__doc__}\nThe jobs: {', '.join(JOBS)}. Each tells its arguments: python -m jobs.<job> --help\n"
        )
        return
    names = []
    for word in arguments:
        if word.startswith("-"):
            break
        names.append(word)
    unknown = [name for name in names if name not in JOBS]
    if unknown or not names:
        raise MissingInputError(f"unknown job {', '.join(unknown) or '(none given)'}; the jobs are {', '.join(JOBS)}")
    options = arguments[len(names) :]
    if any(word.split("=")[0] == "--from" for word in options):
        of_one_night = [name for name in names if name not in runtime.STRETCH_JOBS]
        if of_one_night:  # said before the first job has run
            raise MissingInputError(f"--from is not for {', '.join(of_one_night)}, which write the rows of one night")
    runtime.run_jobs(names, options)


if __name__ == "__main__":
    runtime.start(main)
