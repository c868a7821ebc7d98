"""A server for a night: found while it runs, guarded by a token, gone after its stop; none is no error."""

import json
import os
import socket
import stat
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jobs import engine, spark_server
from jobs.errors import MissingInputError
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


def test_a_stop_ends_no_process_that_is_not_the_server(tmp_path):
    record_server(tmp_path)
    spark_server.stop(settings_of(tmp_path))
    assert not (tmp_path / engine.SERVER_RECORD).exists()


def test_without_deltas_libraries_a_start_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(spark_server, "java_problem", lambda: None)
    with pytest.raises(MissingInputError, match=r"python -m jobs.jars --into"):
        spark_server.start(settings_of(tmp_path, spark_jars=tmp_path))
