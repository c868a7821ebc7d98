"""Who was one with an erased customer has, of himself, the identity of a shop that never knew the erased one."""

import pytest

from jobs import erase, erase_tables, identities
from jobs.tables import Run
from schemas.identity import CLEAN_IDENTITY, CLEAN_IDENTITY_EDGE
from schemas.raw import RAW_CLICKSTREAM, RAW_CUSTOMERS
from tests.jobs.clicks import CAP, click, day

GONE = "GONE-01"
HIS = [
    click(0, "1", "his", customer_id=GONE, email="one@x.de", device_id="phone"),
    click(1, "2", "home", customer_id=GONE),
]
OF_OTHERS = [
    click(1, "3", "hers", customer_id="second", email="one@x.de"),
    click(1, "4", "guest", email="one@x.de"),
    click(2, "5", "home", customer_id="third", email="one@x.de"),
    click(2, "6", "new", device_id="tablet", customer_id="third"),
    click(3, "7", "quiet", device_id="tablet"),
]
AFTER = [click(4, "8", "later", customer_id="second"), click(4, "9", "last", email="one@x.de")]


@pytest.fixture
def nights(clicked_shop):
    """`nights(rows, name)`: a shop of these clicks after its first four nights."""

    def make(rows: list[dict], name: str):
        run = clicked_shop(rows, name)
        identities.link(run(0, 3))
        return run

    return make


def whose(run) -> list[tuple]:
    return sorted(tuple(map(str, row)) for row in run(0).read(CLEAN_IDENTITY).collect())


def test_the_other_accounts_of_an_erased_customer_and_all_that_is_theirs_stay_known(nights):
    shop, without = nights(HIS + OF_OTHERS, "shop"), nights(OF_OTHERS, "without")
    assert {row[2] for row in whose(shop)} == {GONE}
    erase.erase(shop(5), {GONE})
    assert whose(shop) == whose(without) and len(whose(shop)) == 9


def test_the_nights_after_an_erasure_go_on_as_if_the_erased_had_never_been(nights):
    shop, without = nights(HIS + OF_OTHERS + AFTER, "shop"), nights(OF_OTHERS + AFTER, "without")
    erase.erase(shop(5), {GONE})
    for run in (shop, without):
        identities.link(run(4))
    assert whose(shop) == whose(without)


def test_what_was_shared_with_the_erased_stays_nobodys(nights):
    shop = nights([click(0, "1", "home", customer_id=GONE), click(1, "2", "home", customer_id="second")], "shop")
    erase.erase(shop(5), {GONE})
    states = {row.identifier: (row.customer_id, row.status) for row in shop(0).read(CLEAN_IDENTITY).collect()}
    assert states == {"home": (None, "shared"), "second": ("second", "linked")}


def test_rows_that_nothing_ties_to_the_erased_are_not_touched(nights):
    apart = [click(2, "10", "far", customer_id="fourth", email="four@x.de")]
    shop = nights(HIS + OF_OTHERS + apart, "shop")
    before = [row for row in whose(shop) if "fourth" in row[2]]
    erase.erase(shop(5), {GONE})
    assert [row for row in whose(shop) if "fourth" in row[2]] == before and len(before) == 3


def test_accounts_that_only_the_erased_one_tied_together_come_apart(nights):
    """He was not the earliest of them: nobody bore his id."""
    others = [
        click(0, "3", "hers", customer_id="second", email="one@x.de"),
        click(2, "4", "third's", customer_id="third", email="two@x.de"),
    ]
    his = [
        click(1, "1", "his", customer_id=GONE, email="one@x.de"),
        click(1, "2", "b", customer_id=GONE, email="two@x.de"),
    ]
    shop, without = nights(his + others, "shop"), nights(others, "without")
    assert {row[2] for row in whose(shop)} == {"second"}
    erase.erase(shop(5), {GONE})
    assert whose(shop) == whose(without)


def test_accounts_that_the_cap_keeps_apart_stay_apart_though_fewer_are_left(nights):
    his = click(0, "0", "his", customer_id=GONE, email="one@x.de")
    others = [click(1, f"{n}", f"v{n}", customer_id=f"acc-{n}", email="one@x.de") for n in range(CAP)]
    shop = nights([his, *others], "shop")
    erase.erase(shop(5), {GONE})
    rows = [row for row in shop(0).read(CLEAN_IDENTITY).collect() if row.valid_to is None]
    accounts = {row.identifier: (row.customer_id, row.status, row.component_id) for row in rows if row.component_id}
    assert accounts == {f"acc-{n}": (f"acc-{n}", "over_cap", "acc-0") for n in range(CAP)}
    assert {(row.identifier, row.customer_id) for row in rows if row.identifier_kind == "visitor"} == {
        (f"v{n}", f"acc-{n}") for n in range(CAP)
    }


def test_an_address_that_others_spell_otherwise_is_not_only_his(nights, frame):
    shop = nights(HIS + OF_OTHERS, "shop")
    records = [("r1", GONE, "One@X.de"), ("r2", "second", " one@x.de"), ("r3", GONE, "Only@his.de ")]
    rows = (
        {"event_id": e, "customer_id": c, "email": a, "ingest_date": day(0), "event_date": day(0)}
        for e, c, a in records
    )
    shop(0).replace(frame(RAW_CUSTOMERS, *rows), RAW_CUSTOMERS)
    assert erase_tables.subjects_of(shop(5), {GONE}).subjects["email"] == {"Only@his.de "}
    erase.erase(shop(5), {GONE})  # raises where a search still finds one of his


@pytest.mark.parametrize("killed_at", ["the identity commit", CLEAN_IDENTITY, RAW_CLICKSTREAM, CLEAN_IDENTITY_EDGE])
def test_an_erasure_killed_amid_it_leaves_the_others_their_identity_when_run_again(killed_at, nights, monkeypatch):
    shop, without = nights(HIS + OF_OTHERS, "shop"), nights(OF_OTHERS, "without")
    erase_rows, merge = erase.erase_rows, Run.merge

    def killed(run, table, sought):
        if table is killed_at:
            raise KeyboardInterrupt
        return erase_rows(run, table, sought)

    def killed_merge(run, rows, table, gone=None):
        if table is CLEAN_IDENTITY and killed_at == "the identity commit":
            raise KeyboardInterrupt
        merge(run, rows, table, gone)

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(erase, "erase_rows", killed)
        broken.setattr(Run, "merge", killed_merge)
        erase.erase(shop(5), {GONE})
    erase.erase(shop(5), {GONE})
    assert whose(shop) == whose(without)
