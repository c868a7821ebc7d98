"""One session a server, in UTC; Spark's conf brings Delta's libraries and lets the settings win."""

import pytest

from jobs import engine
from jobs.errors import MissingInputError
from jobs.settings import Settings

pytestmark = pytest.mark.usefixtures("no_settings")


def test_the_second_session_is_the_first(spark):
    assert engine.get_spark(Settings()) is spark
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"


@pytest.mark.spark
def test_a_session_on_a_server_is_that_servers_and_leaves_the_other_alone(spark, spark_connect):
    other = engine.get_spark(Settings(engine="spark", spark_remote=spark_connect))
    assert other is not spark and other.version.startswith("4.")
    assert [session.range(3).count() for session in (spark, other)] == [3, 3]
    assert engine.get_spark(Settings()) is spark


def test_a_local_spark_gets_deltas_libraries_and_small_settings(tmp_path):
    (tmp_path / "delta.jar").write_bytes(b"PK")
    conf = engine.spark_conf(Settings(engine="spark", spark_jars=tmp_path))
    assert conf["spark.driver.extraClassPath"] == conf["spark.executor.extraClassPath"] == str(tmp_path / "delta.jar")
    assert conf["spark.sql.session.timeZone"] == "UTC" and conf["spark.sql.shuffle.partitions"] == "2"


def test_a_cluster_keeps_its_own_sizes_and_settings_win(tmp_path):
    given = {"spark.ui.showConsoleProgress": "true", "spark.executor.memory": "8g"}
    settings = Settings(engine="spark", spark_master="spark://one:7077", spark_jars=tmp_path, spark_conf=given)
    conf = engine.spark_conf(settings)
    assert conf["spark.master"] == "spark://one:7077" and "spark.sql.shuffle.partitions" not in conf
    assert conf | given == conf and "spark.driver.extraClassPath" not in conf


def test_without_java_spark_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingInputError, match="Java"):
        engine.get_spark(Settings(engine="spark"))
