"""A server for a night: found while it runs, guarded by a token, gone after its stop; none is no error."""

import json
import os
import socket
import stat
import subprocess
import sys
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from jobs import engine, spark_server
from jobs.errors import MissingInputError, TemporaryError
from jobs.settings import Settings

pytestmark = pytest.mark.usefixtures("no_settings")


def settings_of(lake, **given):
    return Settings(**{"engine": "spark", "lake": lake, "spark_remote": None, **given})


def record_server(lake, **given):
    """Write the record of a server; by default that of this very process, which is none."""
    record = {"host": socket.gethostname(), "pid": os.getpid(), "address": "sc://localhost:1", **given}
    (lake / engine.SERVER_RECORD).write_text(json.dumps(record))


@pytest.mark.spark
def test_a_lakes_server_answers_those_with_its_token_and_nobody_after_its_stop(tmp_path):
    import grpc
    from pyspark.sql.connect.proto import ConfigRequest, SparkConnectServiceStub

    jars = os.environ.get("NIGHTJAR_SPARK_JARS") or ".jars"
    if problem := spark_server.spark_problem(Path(jars)):
        pytest.skip(problem)
    settings = settings_of(tmp_path, spark_jars=jars, spark_master="local[1]")
    address = spark_server.start(settings)
    try:
        assert spark_server.start(settings) == address, "a second start finds the first one's server"
        assert stat.S_IMODE((tmp_path / engine.SERVER_RECORD).stat().st_mode) == 0o600
        assert engine.server_of(settings_of(tmp_path, engine="sail")) is None
        session = engine.get_spark(settings)
        assert session.range(3).count() == 3
        session.stop()
        stranger = SparkConnectServiceStub(grpc.insecure_channel(urlsplit(address).netloc))
        with pytest.raises(grpc.RpcError, match="UNAUTHENTICATED"):
            stranger.Config(ConfigRequest(session_id=str(uuid.uuid4())))
    finally:
        spark_server.stop(settings)
    assert engine.server_of(settings) is None
    assert not (tmp_path / engine.SERVER_RECORD).exists()
    spark_server.stop(settings)


@pytest.mark.parametrize("record", [{"pid": 2**22 + 1}, {"host": "elsewhere"}, {}])
def test_a_record_without_its_server_is_not_believed(tmp_path, record):
    record_server(tmp_path, **record)
    assert engine.server_of(settings_of(tmp_path)) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "\udcff", '{"host": "HOST", "pid": "x", "address": "sc://localhost:1"}']
)
def test_a_record_that_cannot_be_read_is_none_and_a_stop_removes_it(tmp_path, text):
    record = tmp_path / engine.SERVER_RECORD
    record.write_bytes(text.replace("HOST", socket.gethostname()).encode(errors="surrogateescape"))
    assert engine.server_of(settings_of(tmp_path)) is None
    spark_server.stop(settings_of(tmp_path))
    assert not record.exists()


def test_a_stop_leaves_the_record_of_another_machines_server(tmp_path):
    record_server(tmp_path, host="elsewhere")
    spark_server.stop(settings_of(tmp_path))
    assert (tmp_path / engine.SERVER_RECORD).exists()


@pytest.fixture
def fake_server():
    """`fake_server(port)`: a process that looks like a server and, where a port is given, answers a second later."""
    started: list[subprocess.Popen] = []
    script = """import socket, sys, time
time.sleep(1)
if port := int(sys.argv[2]):
    listening = socket.create_server(("127.0.0.1", port))
time.sleep(60)"""

    def start(port=0):
        started.append(subprocess.Popen([sys.executable, "-c", script, engine.SERVER_CLASS, str(port)]))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["spark", "sail"])
def test_a_server_whose_start_never_finished_is_not_joined_and_a_stop_ends_it(tmp_path, fake_server, name):
    server = fake_server()
    record_server(tmp_path, pid=server.pid)
    assert engine.server_of(settings_of(tmp_path)) is None
    spark_server.stop(settings_of(tmp_path, engine=name))
    server.wait(timeout=5)
    assert not psutil.pid_exists(server.pid)
    assert not (tmp_path / engine.SERVER_RECORD).exists()


def test_a_second_start_waits_for_the_server_of_a_start_that_was_killed(tmp_path, fake_server):
    port = spark_server._free_port()
    record_server(tmp_path, pid=fake_server(port).pid, address=f"sc://localhost:{port}/;token=t")
    assert spark_server.start(settings_of(tmp_path)) == f"sc://localhost:{port}/;token=t"


@pytest.fixture
def without_spark(monkeypatch):
    """A start that runs a process which never answers."""
    monkeypatch.setattr(spark_server, "spark_problem", lambda jars: None)
    script = [sys.executable, "-c", "import time; time.sleep(60)", engine.SERVER_CLASS]
    monkeypatch.setattr(spark_server, "_command", lambda settings, port: script)


def test_a_start_killed_while_it_waits_leaves_a_record_to_stop_by(tmp_path, without_spark, monkeypatch):
    def killed(lake):
        raise KeyboardInterrupt

    monkeypatch.setattr(spark_server, "_answering", killed)
    with pytest.raises(KeyboardInterrupt):
        spark_server.start(settings_of(tmp_path))
    (record,) = tmp_path.glob(f"{engine.SERVER_RECORD}*")
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    server = psutil.Process(engine.recorded_server(tmp_path)["pid"])
    spark_server.stop(settings_of(tmp_path))
    assert not server.is_running()


def test_a_server_that_never_answers_is_ended_and_told(tmp_path, without_spark, monkeypatch):
    monkeypatch.setattr(spark_server, "START_SECONDS", 0.3)
    with pytest.raises(TemporaryError, match="did not start"):
        spark_server.start(settings_of(tmp_path))
    assert not (tmp_path / engine.SERVER_RECORD).exists()


def test_a_stop_ends_no_process_that_is_not_the_server(tmp_path):
    record_server(tmp_path)
    spark_server.stop(settings_of(tmp_path))
    assert not (tmp_path / engine.SERVER_RECORD).exists()


def test_without_deltas_libraries_a_start_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(spark_server, "java_problem", lambda: None)
    with pytest.raises(MissingInputError, match=r"python -m jobs.jars --into"):
        spark_server.start(settings_of(tmp_path, spark_jars=tmp_path))
