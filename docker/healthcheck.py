"""Say by exit code whether a service answers: `python healthcheck.py URL [COMPONENT]`.

With COMPONENT the answer must be Airflow's health report and name that part "healthy". Airflow's own check of its
scheduler and DAG processor starts all of Airflow, five seconds of a core each time; this takes a tenth of one.
"""

import json
import sys
from urllib.request import urlopen

SECONDS = 5


def problem(url: str, component: str | None = None) -> str | None:
    """Return what is wrong in one line; None where all is well."""
    if not url.startswith("http://"):
        return f"{url} is no http:// address"
    try:
        with urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - http only, checked above; any other status raises
            body = answer.read()
        status = json.loads(body).get(component, {}).get("status") if component else "healthy"
    except (OSError, ValueError) as error:
        return f"{url}: {error}"
    return None if status == "healthy" else f"{url}: {component} is {status}"


if __name__ == "__main__":
    sys.exit(problem(*sys.argv[1:3]))
