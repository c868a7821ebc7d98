"""Who was one with an erased customer has, of himself, the identity of a shop that never knew the erased one."""

from contextlib import suppress

import pytest

from jobs import erase, identities
from schemas.identity import CLEAN_IDENTITY
from schemas.raw import RAW_CLICKSTREAM
from tests.jobs.clicks import click

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


@pytest.mark.parametrize("killed_at", [CLEAN_IDENTITY, RAW_CLICKSTREAM, *erase.LINKS[3:4]], ids=lambda t: t.name)
def test_an_erasure_killed_amid_it_leaves_the_others_their_identity_when_run_again(killed_at, nights, monkeypatch):
    shop, without = nights(HIS + OF_OTHERS, "shop"), nights(OF_OTHERS, "without")
    erase_rows = erase.erase_rows

    def killed(run, table, sought):
        if table is killed_at:
            raise KeyboardInterrupt
        return erase_rows(run, table, sought)

    with monkeypatch.context() as broken, suppress(KeyboardInterrupt):
        broken.setattr(erase, "erase_rows", killed)
        erase.erase(shop(5), {GONE})
    erase.erase(shop(5), {GONE})
    assert whose(shop) == whose(without)
