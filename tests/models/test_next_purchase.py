import numpy as np
import pytest
from scipy.sparse import csr_matrix

from models import next_purchase
from models.next_purchase import Question, by_interests, co_visitation, hit_rates, own_purchases, popularity

# Twelve products; 10 and 11 sell least. Three customers.
BOUGHT, LAST, FOLLOWING = (np.zeros((3, 12)) for _ in range(3))
BOUGHT[0, [0, 11]] = 1, 2
BOUGHT[1, [5]] = 1
BOUGHT[2, [0, 1]] = 1
LAST[0, 11] = LAST[1, 5] = LAST[2, [0, 1]] = 1
FOLLOWING[0, [11, 10]] = 1
FOLLOWING[1, [11]] = 1
FOLLOWING[2, [0, 1]] = 1
SOLD = np.array([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])


@pytest.fixture
def question():
    return Question(csr_matrix(BOUGHT), csr_matrix(LAST), csr_matrix(FOLLOWING), SOLD, SOLD < 3)


def test_a_hit_is_a_next_order_with_one_of_the_ten(question):
    assert hit_rates(question, popularity(question)) == {"orders": 1 / 3, "products": 2 / 5, "asked": 3}


def test_own_purchases_come_before_what_sold_most(question):
    assert list(np.argsort(-own_purchases(question)(slice(0, 1))[0])[:3]) == [11, 0, 1]
    assert hit_rates(question, own_purchases(question)) == {"orders": 2 / 3, "products": 3 / 5, "asked": 3}


def test_for_new_products_what_was_bought_is_neither_asked_for_nor_offered(question):
    # Left are 10 for the first, who is offered 1 to 10, and 11 for the second, who is offered all of 0 to 10 but 5.
    assert hit_rates(question, popularity(question), "new") == {"orders": 0.5, "products": 0.5, "asked": 2}


def test_for_rare_products_only_rare_ones_are_offered(question):
    assert hit_rates(question, popularity(question), "rare") == {"orders": 1, "products": 1, "asked": 2}


def test_co_visitation_offers_what_stood_beside_the_last_order(question):
    together = np.zeros((12, 12))
    together[5, 10] = 3
    scores = co_visitation(question, csr_matrix(together))(slice(1, 2))[0]
    assert list(np.argsort(-scores)[:3]) == [10, 0, 1]


def test_interests_are_mixed_by_their_shares():
    def scores(vectors):
        return np.log(vectors)

    means = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    found = by_interests(scores, means, np.array([[0.25, 0.75]]))(slice(0, 1))
    np.testing.assert_allclose(found, [[0.25 * 0.9 + 0.75 * 0.2, 0.25 * 0.1 + 0.75 * 0.8]])


def test_customers_are_ranked_in_parts_as_at_once(question, monkeypatch):
    whole = hit_rates(question, own_purchases(question))
    monkeypatch.setattr(next_purchase, "ROWS", 2)
    assert hit_rates(question, own_purchases(question)) == whole
