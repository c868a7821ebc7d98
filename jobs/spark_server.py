"""One Apache Spark for a whole night: `python -m jobs.spark_server start`, and `stop` after it.

A night is nine programs. On this machine each would otherwise start a JVM, a Spark session and a cold Delta library of
its own, 30 s in all, to work for two. `start` leaves a Spark Connect server running on the loopback address, guarded by
a token, and notes it in the lake; every job on that lake and machine joins it (`jobs.engine`), and falls back to a
Spark of its own where the server is gone. On a cluster none of this is needed: there the master keeps Spark alive.
"""

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import psutil

from jobs import runtime
from jobs.engine import SERVER_CLASS, SERVER_RECORD, answers, recorded_server, spark_conf
from jobs.errors import MissingInputError, TemporaryError
from jobs.jars import jars_problem, java_problem
from jobs.settings import Settings, get_settings

HOME = Path(__file__).resolve().parents[1]
START_SECONDS = 120  # a JVM on a busy machine; alone it takes 8
STOP_SECONDS = 20
LOG = "spark-server.log"


def start(settings: Settings) -> str:
    """Start a server for the lake, or find the one that runs; return its address once it answers."""
    if recorded_server(settings.lake) and (running := _answering(settings.lake)):
        return running
    stop(settings)  # one that was started and never answered
    if problem := spark_problem(settings.spark_jars):
        raise MissingInputError(problem)
    settings.lake.mkdir(parents=True, exist_ok=True)
    port, token = _free_port(), secrets.token_urlsafe(24)
    log = settings.lake / f".{LOG}"
    with log.open("w") as lines:
        server = subprocess.Popen(
            _command(settings, port),
            stdout=lines,
            stderr=lines,
            cwd=HOME,
            env=_environment(token),
            start_new_session=True,  # it outlives the task that starts it
        )
    # Before it answers: were this process killed now, `stop` and the next `start` still know of the server.
    _record(settings.lake, server.pid, f"sc://localhost:{port}/;token={token}")
    address = _answering(settings.lake)
    if not address:
        stop(settings)
        raise TemporaryError(f"the Spark server did not start; its log is {log}")
    return address


def stop(settings: Settings) -> None:
    """End the lake's server on this machine, ready or not; none is no error."""
    if server := recorded_server(settings.lake):
        _end(server["pid"])
    if not _is_elsewhere(settings.lake):
        (settings.lake / SERVER_RECORD).unlink(missing_ok=True)


def _record(lake: Path, pid: int, address: str) -> None:
    """Write the record whole or not at all, and never readable by others: the token is in it."""
    partial = lake / f"{SERVER_RECORD}.{os.getpid()}"
    partial.touch(mode=0o600)
    partial.write_text(json.dumps({"host": socket.gethostname(), "pid": pid, "address": address}))
    os.replace(partial, lake / SERVER_RECORD)


def _is_elsewhere(lake: Path) -> bool:
    """Whether the record is that of another machine's server, which only that machine can judge."""
    try:
        return bool(json.loads((lake / SERVER_RECORD).read_text())["host"] != socket.gethostname())
    except (OSError, ValueError, KeyError, TypeError):
        return False


def spark_problem(jars: Path) -> str | None:
    """Why no Apache Spark can start here, in one line; None where it can."""
    if not find_spec("delta") or not (_spark_home() / "bin" / "spark-submit").is_file():
        return "Apache Spark is not installed: run make setup ENGINE=spark"
    return java_problem() or jars_problem(jars)


def _spark_home() -> Path:
    found = find_spec("pyspark")
    if found is None or not found.submodule_search_locations:
        raise MissingInputError("PySpark is not installed: run make setup ENGINE=spark")
    return Path(found.submodule_search_locations[0])


def _command(settings: Settings, port: int) -> list[str]:
    conf = spark_conf(settings) | {
        "spark.connect.grpc.binding.port": str(port),
        "spark.connect.grpc.binding.address": "127.0.0.1",
    }
    return [
        str(_spark_home() / "bin" / "spark-submit"),
        *("--class", SERVER_CLASS),
        *(part for key, value in conf.items() for part in ("--conf", f"{key}={value}")),
        "spark-internal",
    ]


def _environment(token: str) -> dict[str, str]:
    ours = {key: value for key, value in os.environ.items() if not key.startswith("SPARK_")}
    return ours | {
        "SPARK_HOME": str(_spark_home()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONNECT_AUTHENTICATE_TOKEN": token,  # other users read command lines, not environments
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(HOME),
        # Else a Python worker in which OpenMP spins takes the cores from the JVM beside it.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answering(lake: Path) -> str | None:
    """Address of the recorded server once it answers; None when it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and (server := recorded_server(lake)):
        if answers(server["address"]):
            return str(server["address"])
        time.sleep(0.2)
    return None


def _end(pid: int) -> None:
    """Ask a process to end, then make it."""
    try:
        server = psutil.Process(pid)
        server.terminate()
        if psutil.wait_procs([server], timeout=STOP_SECONDS)[1]:
            server.kill()
            server.wait()
    except psutil.NoSuchProcess:
        return


def main(arguments: list[str]) -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(prog="python -m jobs.spark_server", description=__doc__)
    parser.add_argument("action", choices=("start", "stop"))
    with runtime.step("spark_server", action=parser.parse_args(arguments).action) as facts:
        start(get_settings()) if facts["action"] == "start" else stop(get_settings())


if __name__ == "__main__":
    runtime.start(main)
