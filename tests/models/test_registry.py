import json
import logging
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from models.btyd import BgNbd, GammaGamma
from models.registry import (
    CHAMPION,
    UnreadableModelError,
    _client,
    _describe,
    _find,
    describe,
    forget_run,
    load_champion,
    register,
)

MODEL = BgNbd(
    0.243, 4.414, 0.793, 2.426, ("x", "t_x", "T"), {"log_likelihood": -9582.4, "undefined": float("nan")}, seed=7
)
OTHER = replace(MODEL, r=0.5)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A store with MLflow's tables made: seconds, so once for all tests."""
    folder = tmp_path_factory.mktemp("store")
    _client(f"sqlite:///{folder}/mlflow.db").search_registered_models()
    return folder / "mlflow.db"


@pytest.fixture
def uri(prepared, tmp_path):
    (tmp_path / "models").mkdir()
    shutil.copy(prepared, tmp_path / "models" / "mlflow.db")
    return f"sqlite:///{tmp_path}/models/mlflow.db"


def test_the_registered_model_is_loaded_as_champion_with_its_version(uri):
    version = register("orders", MODEL, tracking_uri=uri, training_key="2017-09-30")
    model, loaded_version = load_champion("orders", BgNbd.load, uri)
    assert (model.r, model.feature_names, loaded_version) == (MODEL.r, MODEL.feature_names, version)


def test_nothing_registered_is_none(uri, tmp_path):
    assert load_champion("orders", BgNbd.load, uri) is None
    assert _find("orders", uri) is None
    assert load_champion("orders", BgNbd.load, f"sqlite:///{tmp_path}/absent/mlflow.db") is None
    assert not (tmp_path / "absent").exists()


def test_run_and_version_tell_metrics_seed_features_and_dates(uri):
    tags = {"train_date": "2017-07-02", "holdout_date": "2017-09-30"}
    key = {"tracking_uri": uri, "training_key": "k"}
    version = register("orders", MODEL, metrics={"holdout_auc": 0.8}, tags=tags, **key)
    found = _client(uri).get_model_version("orders", version)
    run = _client(uri).get_run(found.run_id)
    assert run.data.metrics == {"log_likelihood": -9582.4, "holdout_auc": 0.8}
    assert run.info.status == "FINISHED"
    for told in (found.tags, run.data.tags):
        assert (told["seed"], told["train_date"], told["holdout_date"]) == ("7", "2017-07-02", "2017-09-30")
        assert json.loads(told["feature_names"]) == ["x", "t_x", "T"]


def test_a_rerun_that_trains_the_same_model_keeps_its_version(uri):
    first = register("orders", MODEL, tracking_uri=uri, training_key="2017-09-30")
    assert register("orders", MODEL, tracking_uri=uri, training_key="2017-09-30") == first
    assert len(_client(uri).search_model_versions("name = 'orders'")) == 1


def test_another_model_under_the_same_key_takes_the_place_and_the_files_of_the_old(uri, tmp_path):
    register("orders", MODEL, tracking_uri=uri, training_key="2017-09-30")
    second = register("orders", OTHER, tracking_uri=uri, training_key="2017-09-30")
    model, version = load_champion("orders", BgNbd.load, uri)
    assert (model.r, version) == (OTHER.r, second)
    assert [str(v.version) for v in _client(uri).search_model_versions("name = 'orders'")] == [second]
    assert len(list((tmp_path / "models" / "artifacts").rglob("bg_nbd.json"))) == 1


def test_a_later_key_becomes_champion_and_the_earlier_version_stays(uri):
    first = register("orders", MODEL, tracking_uri=uri, training_key="2017-09-30")
    second = register("orders", OTHER, tracking_uri=uri, training_key="2017-10-07")
    assert load_champion("orders", BgNbd.load, uri)[1] == second
    assert {str(v.version) for v in _client(uri).search_model_versions("name = 'orders'")} == {first, second}
    assert register("orders", MODEL, tracking_uri=uri, training_key="2017-09-30") == first
    assert load_champion("orders", BgNbd.load, uri)[0].r == MODEL.r


def test_names_do_not_share_versions_or_keys(uri):
    amounts = GammaGamma(6.25, 3.74, 15.44, ("x", "m"))
    register("orders", MODEL, tracking_uri=uri, training_key="k")
    register("amounts", amounts, tracking_uri=uri, training_key="k")
    assert load_champion("amounts", GammaGamma.load, uri)[0] == amounts
    assert load_champion("orders", BgNbd.load, uri)[0].r == MODEL.r


def test_the_direct_query_gives_what_mlflow_gives(uri):
    for key, model in (("a", MODEL), ("b", OTHER)):
        register("orders", model, tracking_uri=uri, training_key=key)
    found = _client(uri).get_model_version_by_alias("orders", CHAMPION)
    assert _find("orders", uri) == (str(found.version), found.source)
    assert load_champion("orders", lambda folder: folder.as_uri(), uri) == (found.source, str(found.version))
    _client(uri).delete_registered_model_alias("orders", CHAMPION)
    assert load_champion("orders", BgNbd.load, uri) is None is _find("orders", uri)


def test_a_moved_store_still_finds_its_files(uri, tmp_path):
    version = register("orders", MODEL, tracking_uri=uri, training_key="k")
    (tmp_path / "models").rename(tmp_path / "moved")
    model, loaded_version = load_champion("orders", BgNbd.load, f"sqlite:///{tmp_path}/moved/mlflow.db")
    assert (model.r, loaded_version) == (MODEL.r, version)


def test_a_copied_store_reads_its_own_files(uri, tmp_path):
    register("orders", MODEL, tracking_uri=uri, training_key="k")
    shutil.copytree(tmp_path / "models", tmp_path / "copy")
    folder, _ = load_champion("orders", lambda folder: folder, f"sqlite:///{tmp_path}/copy/mlflow.db")
    assert folder.is_relative_to(tmp_path / "copy")


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_copied_store_keeps_its_new_models_and_leaves_the_originals_files(uri, tmp_path):
    register("orders", MODEL, tracking_uri=uri, training_key="k")
    shutil.copytree(tmp_path / "models", tmp_path / "copy")
    before = files_of(tmp_path / "models")
    copied = f"sqlite:///{tmp_path}/copy/mlflow.db"
    register("orders", OTHER, tracking_uri=copied, training_key="k")
    assert files_of(tmp_path / "models") == before
    assert load_champion("orders", BgNbd.load, copied)[0].r == OTHER.r
    assert len(list((tmp_path / "copy" / "artifacts").rglob("bg_nbd.json"))) == 1


def test_a_run_is_forgotten_with_its_versions_and_files(uri, tmp_path):
    register("orders", MODEL, tracking_uri=uri, training_key="k")
    [file] = (tmp_path / "models" / "artifacts").rglob("bg_nbd.json")
    assert forget_run(file.relative_to(tmp_path / "models" / "artifacts").parts[0], uri) == ["orders"]
    assert not file.exists() and load_champion("orders", BgNbd.load, uri) is None
    assert forget_run("nobody's", uri) == []


@pytest.mark.parametrize("text", [None, "", "{}"])
def test_files_that_are_not_those_registered_are_never_loaded(uri, tmp_path, text):
    register("orders", MODEL, tracking_uri=uri, training_key="k")
    (file,) = (tmp_path / "models" / "artifacts").rglob("bg_nbd.json")
    file.unlink() if text is None else file.write_text(text)
    with pytest.raises(UnreadableModelError, match=r"model orders-1 can't be read .*train again"):
        load_champion("orders", lambda folder: pytest.fail("loaded"), uri)


def test_a_damaged_database_is_told(tmp_path):
    (tmp_path / "mlflow.db").write_text("no database" * 100)
    with pytest.raises(UnreadableModelError, match="database can't be read"):
        load_champion("orders", BgNbd.load, f"sqlite:///{tmp_path}/mlflow.db")


def test_a_store_appears_whole_whatever_a_killed_making_left(tmp_path, monkeypatch):
    new, there = tmp_path / "new", []
    (new / ".new").mkdir(parents=True)
    with closing(sqlite3.connect(new / ".new" / "mlflow.db")) as left:
        left.execute("CREATE TABLE _alembic_tmp_metrics (key VARCHAR(250) NOT NULL)")
    ask = MlflowClient.search_experiments

    def asked(client):
        found = ask(client)
        there.append((new / "mlflow.db").exists())
        return found

    monkeypatch.setattr(MlflowClient, "search_experiments", asked)
    uri = f"sqlite:///{new}/mlflow.db"
    version = register("orders", MODEL, tracking_uri=uri, training_key="k")
    assert there == [False]
    assert load_champion("orders", BgNbd.load, uri)[1] == version
    assert sorted(path.name for path in new.iterdir()) == ["artifacts", "mlflow.db"]


def test_loading_imports_no_mlflow(uri):
    register("orders", MODEL, tracking_uri=uri, training_key="k")
    code = """
import sys
from models.btyd import BgNbd
from models.registry import load_champion
assert load_champion("orders", BgNbd.load, sys.argv[1])[0].seed == 7
assert not {"mlflow", "sqlalchemy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, uri], check=True)


def test_registering_in_a_new_store_is_quiet(tmp_path, caplog, capfd):
    with caplog.at_level(logging.INFO):
        register("orders", MODEL, tracking_uri=f"sqlite:///{tmp_path}/new/mlflow.db", training_key="k")
    assert {record.name for record in caplog.records} == {"models.registry"}
    assert "INFO" not in capfd.readouterr().err
    assert (tmp_path / "new" / "artifacts").is_dir()


def test_a_version_is_described_by_its_metrics_and_tags_as_mlflow_tells_them(uri):
    key = {"tracking_uri": uri, "training_key": "k"}
    version = register("orders", MODEL, metrics={"holdout_auc": 0.8}, tags={"holdout_date": "2017-09-30"}, **key)
    told = describe("orders", version, uri)
    assert told.metrics == {"log_likelihood": -9582.4, "holdout_auc": 0.8}
    assert told.tags["holdout_date"] == "2017-09-30"
    assert told == _describe("orders", version, uri)


def test_a_version_that_is_not_registered_is_none(uri, tmp_path):
    register("orders", MODEL, tracking_uri=uri, training_key="k")
    assert describe("orders", "2", uri) is None
    assert _describe("orders", "2", uri) is None
    assert describe("orders", "1", f"sqlite:///{tmp_path}/absent/mlflow.db") is None
