"""Whose every visitor, device and e-mail address is, as far as the run's days tell; `conform` does it in its course.

Reads `raw_clickstream`, `raw_customers`, `clean_events`; writes `clean_identity_edge`, `clean_identity`.

To be run by itself where a lake had log-ins before it had identity: with `--from` its first day, and `tile` after it.
"""

from jobs import runtime
from jobs.identities import alone, link


def main(arguments: list[str]) -> None:
    """Link the identifiers of the run's days."""
    run = runtime.run_of(runtime.parser("identify", __doc__).parse_args(arguments))
    with alone(run):
        link(run)


if __name__ == "__main__":
    runtime.start(main)
