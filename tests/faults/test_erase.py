"""Who is erased is in no table, file, page or model, and stays out; everybody else keeps every row."""

import gzip
import hashlib
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from jobs import erase, runtime
from jobs.pseudonyms import KEY_FILE
from models.registry import load_champion
from schemas.campaign import CAMPAIGN_ASSIGNMENT
from schemas.contract import ERASED, Table
from schemas.feature import FEATURE_CUSTOMER
from schemas.ops import OPS_ERASED_CUSTOMER, OPS_ERASURE, OPS_FILE
from schemas.raw import RAW_QUARANTINE, RAW_REVIEWS, RAW_TRANSACTIONS
from schemas.tables import TABLES
from tests.faults import shop
from tests.faults.compare import assert_same_rows, exists
from tests.faults.kill import files_of, kill_in_the_middle
from tests.faults.shop import NIGHT, PUBLISHED

pytestmark = pytest.mark.slow
KILLS = 20


@pytest.fixture(scope="module")
def published(lake_at: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published shop in whose quarantine a line quotes the customer; to be read, or copied."""
    lake = shop.copy(lake_at("published"), tmp_path_factory.mktemp("erase") / "lake")
    (lake / KEY_FILE).write_text("the same in every copy")
    row = {"ingest_date": PUBLISHED, "source": "transactions", "source_file": "a.csv", "source_line": 1}
    texts = (f"x,{customer(lake)},broken", f"x,{customer(lake)}0,another's")
    rows = (row | {"source_line": line, "original_text": text} for line, text in enumerate(texts, 1))
    write(lake, RAW_QUARANTINE, *rows)
    return lake


@pytest.fixture(scope="module")
def erased(published: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same shop after its customer's erasure; to be read, or copied."""
    lake = shop.copy(published, tmp_path_factory.mktemp("erase") / "lake")
    run_erase(lake, customer(published))
    return lake


def write(lake: Path, table: Table, *rows: dict[str, object]) -> None:
    with shop.lake_settings(lake):
        run = runtime.open_run(PUBLISHED, PUBLISHED)
        run.merge(run.spark.createDataFrame(table.rows(*rows), table.struct), table)


def customer(lake: Path) -> str:
    """The first contact of the campaign: in every kind of table, and in an export."""
    plan = shop.stored(lake, CAMPAIGN_ASSIGNMENT).to_pylist()
    return next(row["customer_id"] for row in plan if row["arm"] == "treatment")


def places(lake: Path, one: str) -> list[str]:
    """Files that name a customer, found without the job's own means: as Arrow's text of a table, or as bytes."""
    word = re.compile(rf"(?<![\w-]){re.escape(one)}(?![\w-])".encode())
    found = []
    for path in sorted(path for path in lake.rglob("*") if path.is_file() and "truth" not in path.parts):
        if path.suffix == ".parquet":
            content = json.dumps(pq.ParquetFile(path).read().to_pylist(), default=str).encode()
        else:
            packed = path.read_bytes()
            content = gzip.decompress(packed) if path.suffix == ".gz" else packed
        if word.search(content):
            found.append(str(path.relative_to(lake)))
    return found


def others(lake: Path, one: str) -> dict[str, object]:
    """Rows of everybody else in tables that name customers."""
    tables = [table for table in TABLES if table.customer_columns and exists(lake, table)]
    return {table.name: _without(shop.stored(lake, table), one) for table in tables}


def _without(rows, one: str):
    import pyarrow.compute as pc

    return rows.filter(pc.invert(pc.fill_null(pc.equal(rows["customer_id"], one), False)))


def run_erase(lake: Path, *ids: str) -> None:
    shop.run(lake, ("erase", *(word for one in ids for word in ("--customer", one))))


def test_an_erased_customer_is_in_no_file_and_all_others_keep_their_rows(published: Path, erased: Path) -> None:
    one = customer(published)
    named = {place.split("/")[0] for place in places(published, one)}
    assert named >= {"landing", "exports", "raw_transactions", "feature_customer", "customer_360", "raw_quarantine"}
    assert named >= {"clean_identity", "clean_identity_edge"}
    assert places(erased, one) == []
    before, after = others(published, one), others(erased, one)
    for table in TABLES:
        if table.name in before and "visitor_id" not in table.column_names:  # the customer's browsers go too
            held = [column for column in before[table.name].column_names if column != "state_declaration"]
            assert_same_rows(table, after[table.name].select(held), before[table.name].select(held))
    state = after[FEATURE_CUSTOMER.name].filter(pc.field("as_of_date") == PUBLISHED)["state_declaration"]
    assert set(state.to_pylist()) == {ERASED}  # the next snapshot is made of all tiles
    texts = [row["original_text"] for row in shop.stored(erased, RAW_QUARANTINE).to_pylist()]
    assert texts == ["(erased)", f"x,{one}0,another's"]


def test_the_proof_tells_counts_and_nobody(published: Path, erased: Path) -> None:
    one = customer(published)
    lines = shop.stored(published, RAW_TRANSACTIONS)["customer_id"].to_pylist().count(one)
    proof = {row["place"]: row for row in shop.stored(erased, OPS_ERASURE).to_pylist()}
    assert (proof["raw_transactions"]["before_count"], proof["raw_transactions"]["after_count"]) == (lines, 0)
    assert proof["exports"]["before_count"] == 1 and proof["landing"]["before_count"] >= lines
    assert {row["after_count"] for row in proof.values()} == {0} and one not in json.dumps(proof, default=str)
    assert sorted(shop.stored(erased, OPS_ERASED_CUSTOMER)["identifier_kind"].to_pylist()) == ["customer_id", "email"]


def test_a_campaign_file_without_the_erased_still_fits_its_manifest(published: Path, erased: Path) -> None:
    [contacts] = (erased / "exports").glob("*/*/contacts.csv")
    place = contacts.parent.relative_to(erased) / "manifest.json"
    about, before = (json.loads((lake / place).read_text()) for lake in (erased, published))
    assert about["files"]["contacts.csv"]["sha256"] == hashlib.sha256(contacts.read_bytes()).hexdigest()
    assert (about["contact_count"], about["erased_count"]) == (before["contact_count"] - 1, 1)
    assert len(contacts.read_text().splitlines()) == before["contact_count"]


def test_no_earlier_version_of_a_table_can_be_read(erased: Path) -> None:
    with pytest.raises(Exception, match=r"(?i)version|log"):
        DeltaTable(str(erased / "raw_transactions")).load_as_version(0)


def test_an_erasure_again_and_the_next_night_bring_nobody_back(published: Path, erased: Path, tmp_path: Path) -> None:
    one = customer(published)
    lake = shop.copy(erased, tmp_path / "lake")
    run_erase(lake, one)
    assert_same_rows(OPS_ERASURE, shop.stored(lake, OPS_ERASURE), shop.stored(erased, OPS_ERASURE))
    shop.run_all(lake, shop.NIGHTLY)
    assert NIGHT in shop.published_dates(lake)
    assert places(lake, one) == []


def test_a_new_table_is_covered_by_its_contract_alone(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, one = shop.copy(published, tmp_path / "lake"), customer(published)
    new = Table(
        name="score_new",
        meaning="A table of tomorrow.",
        grain="one row per customer",
        key=("customer_id",),
        columns=(FEATURE_CUSTOMER["customer_id"],),
        customer_columns=("customer_id",),
    )
    monkeypatch.setattr(erase, "TABLES", (*TABLES, new))
    write(lake, new, {"customer_id": one}, {"customer_id": "b"})
    run_erase(lake, one)
    assert shop.stored(lake, new)["customer_id"].to_pylist() == ["b"] and places(lake, one) == []


def test_who_quotes_the_erased_keeps_the_row_and_loses_the_name(published: Path, tmp_path: Path) -> None:
    lake, one = shop.copy(published, tmp_path / "lake"), customer(published)
    told = {"event_id": "quote", "ingest_date": PUBLISHED, "rating": 5, "customer_id": "somebody"}
    write(lake, RAW_REVIEWS, told | {"review_text": f"ask {one}, he knows", "_extra": {"referred_by": one}})
    landed = lake / "landing" / "reviews" / f"dt={PUBLISHED}" / "quote.jsonl"
    landed.write_text(f'{{"customer_id": "somebody", "review_text": "ask {one}, he knows"}}\n')
    (lake / "reports" / "page.html").write_text(f"<p>{one}</p>")
    [note] = [path.parent / "note.txt" for path in (lake / "models" / "artifacts").rglob("rfm.json")][:1]
    note.write_text(f"learned from {one}")
    run_erase(lake, one)
    assert places(lake, one) == []
    [row] = [row for row in shop.stored(lake, RAW_REVIEWS).to_pylist() if row["event_id"] == "quote"]
    assert (row["customer_id"], row["review_text"], row["_extra"]) == ("somebody", "(erased)", [("(erased)", "")])
    assert json.loads(landed.read_text())["review_text"] == "ask (erased), he knows"
    assert (lake / "reports" / "page.html").read_text() == "<p>(erased)</p>"
    with shop.lake_settings(lake):
        uri = f"sqlite:///{(lake / 'models' / 'mlflow.db').resolve()}"
        assert load_champion("rfm", lambda folder: folder, uri) is None, (
            "its files are sealed: it is to be trained anew"
        )
        assert load_champion("btyd", lambda folder: folder, uri) is not None


def test_every_column_that_holds_customers_or_browsers_is_declared() -> None:
    for table in TABLES:
        held = {name for name in table.column_names if name in ("customer_id", "visitor_id", "device_id", "identifier")}
        assert held <= {*table.customer_columns, *table.linked_columns}, table.name


def assert_killed_and_run_again_completes(
    published: Path, erased: Path, chance: random.Random, scratch: Path, *, by_time: bool = False
) -> None:
    one = customer(published)
    written = len(files_of(erased) - files_of(published))
    job = ("erase", "--customer", one)
    left, moment = kill_in_the_middle(published, job, written, chance, scratch, by_time=by_time)
    print(f"erase killed {moment}")
    run_erase(left, one)
    assert places(left, one) == []
    for table in TABLES:
        if exists(erased, table) and table not in (OPS_ERASURE, OPS_FILE):
            assert_same_rows(table, shop.stored(left, table), shop.stored(erased, table))


def test_an_erasure_killed_and_run_again_completes(
    published: Path, erased: Path, chance: random.Random, tmp_path: Path
) -> None:
    assert_killed_and_run_again_completes(published, erased, chance, tmp_path)


@pytest.mark.chaos
@pytest.mark.parametrize("kill", range(KILLS))
def test_an_erasure_killed_anywhere_completes(
    kill: int, published: Path, erased: Path, chance: random.Random, tmp_path: Path
) -> None:
    assert_killed_and_run_again_completes(published, erased, chance, tmp_path, by_time=kill % 2 == 1)
    shutil.rmtree(tmp_path)
