"""One session factory for the two engines."""

import json
import logging
import os
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from jobs.errors import MissingInputError
from jobs.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_sail_server: Any = None  # lives as long as the process
_sessions: dict[str, Any] = {}  # by URL
SERVER_CLASS = "org.apache.spark.sql.connect.service.SparkConnectServer"
EXEC_LOOKS = 20
SERVER_RECORD = ".spark-server.json"  # in the lake: host, pid and address of the server that jobs.spark_server started
_SESSION_CONF = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
}
# Else every call of a function notes where it was made, for errors: two thirds of the time that a snapshot's plan is
# made in. Spark takes it only as it starts.
_NO_CALL_SITES = {"spark.python.sql.dataFrameDebugging.enabled": "false"}


# One small machine: start fast, few tasks. C1 alone and the serial collector halve the cost of a short job
# (trivial Delta job, 2 cores: 29.8 s with the defaults, 10-14 s so).
LOCAL_CONF = {
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.driver.memory": "3g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.timezone=UTC",
}


def get_spark(settings: Settings) -> "SparkSession":
    """The process's session on the engine that the settings name; the second call returns the first one's session."""
    if remote := settings.spark_remote or server_of(settings):
        return _connect(remote)
    return _sail(settings) if settings.engine == "sail" else _spark(settings)


def server_of(settings: Settings) -> str | None:
    """Address of the Spark server that answers for this lake on this machine; None without one."""
    server = recorded_server(settings.lake) if settings.engine == "spark" else None
    return server["address"] if server and answers(server["address"]) else None


def recorded_server(lake: Path) -> dict[str, Any] | None:
    """The record of a server of this machine whose process lives, ready or not; None for any other record."""
    try:
        server = json.loads((lake / SERVER_RECORD).read_text())
        is_here = server["host"] == socket.gethostname()
        # By its command line: its number may be another process's by now.
        is_alive = is_here and SERVER_CLASS in _command_of(server["pid"])
        return {"pid": int(server["pid"]), "address": str(server["address"])} if is_alive else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def _command_of(pid: int) -> list[str]:
    """Words of a process's command line; amid the `exec` by which spark-submit becomes Java there are none."""
    for _ in range(EXEC_LOOKS):
        if command := psutil.Process(pid).cmdline():
            return command
        time.sleep(0.05)
    return []


def answers(address: str) -> bool:
    """Whether anything listens on the port of an `sc://` address of this machine."""
    try:
        socket.create_connection(("127.0.0.1", urlsplit(address).port or 0), timeout=1).close()
    except (OSError, ValueError):
        return False
    return True


def _sail(settings: Settings) -> "SparkSession":
    os.environ.setdefault("RUST_LOG", "error")
    global _sail_server
    if _sail_server is None:
        from pysail.spark import SparkConnectServer

        _sail_server = SparkConnectServer()
        _sail_server.start(background=True)
    host, port = _sail_server.listening_address
    return _connect(f"sc://{host}:{port}", _NO_CALL_SITES)


def has_sail() -> bool:
    """Whether this process runs Sail's server."""
    return _sail_server is not None


def _connect(url: str, conf: dict[str, str] | None = None) -> "SparkSession":
    # With the full pyspark installed, functions would look for a JVM unless this says Connect.
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    from pyspark.sql.connect.session import SparkSession

    session = _sessions.get(url)
    if session is None or session.is_stopped:
        # Not getOrCreate: it returns the last session made, whatever server that one is on.
        session = _sessions[url] = SparkSession.builder.remote(url).create()
        for key, value in (_SESSION_CONF | (conf or {})).items():
            session.conf.set(key, value)
    return session  # type: ignore[return-value]  # the same API, another class


def _spark(settings: Settings) -> "SparkSession":
    from jobs.jars import java_problem

    problem = java_problem()
    if problem:
        raise MissingInputError(problem)
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)  # it tells every error a second time
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("nightjar")
    conf = spark_conf(settings)
    if "SPARK_ENV_LOADED" in os.environ:  # spark-submit started this process: master and JVM are what it was told
        told = {"spark.master", *LOCAL_CONF} - settings.spark_conf.keys()
        conf = {key: value for key, value in conf.items() if key not in told}
    for key, value in conf.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def spark_conf(settings: Settings) -> dict[str, str]:
    """Configuration of an Apache Spark session with Delta; `settings.spark_conf` wins over it."""
    jars = sorted(str(path.resolve()) for path in Path(settings.spark_jars).glob("*.jar"))
    conf = (
        _SESSION_CONF
        | _NO_CALL_SITES
        | {
            "spark.master": settings.spark_master,
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.databricks.delta.snapshotPartitions": "1",
            "spark.ui.showConsoleProgress": "false",
        }
    )
    if jars:
        conf["spark.driver.extraClassPath"] = conf["spark.executor.extraClassPath"] = os.pathsep.join(jars)
    if settings.spark_master.startswith("local"):
        conf |= LOCAL_CONF
    return conf | settings.spark_conf
