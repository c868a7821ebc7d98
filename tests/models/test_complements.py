import numpy as np
from scipy.sparse import csr_matrix

from models.complements import Complements

# Products: bread 0, butter 1, jam 2, nails 3, hammer 4.
KINDS = ([1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 1, 1], [0, 0, 0, 1, 0])
BASKETS = csr_matrix(np.repeat(KINDS, [6, 2, 4, 3, 5], axis=0))


def test_lift_is_the_share_together_over_what_chance_would_have():
    found = Complements.fit(BASKETS, fewest=2)
    pairs = {
        (p, o): (n, lift)
        for p, o, n, lift in zip(found.product, found.other, found.basket_count, found.lift, strict=True)
    }
    assert pairs[0, 1] == (8, 8 * 20 / 12 / 8) and pairs[1, 0] == pairs[0, 1]
    assert pairs[3, 4] == (3, 3 * 20 / 8 / 3)
    assert set(pairs) == {(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1), (3, 4), (4, 3)}


def test_pairs_are_ranked_by_lift_and_cut():
    found = Complements.fit(BASKETS, fewest=2, most=1)
    assert list(found.product) == [0, 1, 2, 3, 4]
    assert list(found.rank) == [1] * 5
    assert list(found.other[:3]) == [1, 2, 1]  # bread: butter and jam have one lift, butter is in more baskets


def test_pairs_in_few_baskets_are_left_out():
    assert set(Complements.fit(BASKETS, fewest=3).product) == {0, 1, 3, 4}
    assert len(Complements.fit(BASKETS, fewest=9).product) == 0
