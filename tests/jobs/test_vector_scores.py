"""Vector tables of a date: of the registered model, and of what was known by then."""

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from jobs.vector_scores import customer_rows, write_vectors
from models.complements import Complements
from models.product_vectors import EVIDENCE, ProductVectors, VectorConfig
from schemas.clean import CLEAN_ORDER_LINES
from schemas.vectors import SCORE_CUSTOMER_VECTOR, SCORE_PRODUCT_PAIR, SCORE_PRODUCT_VECTOR

D = date(2024, 6, 30)
VECTORS = np.array([[1, 0], [0, 1], [2, 0]], dtype=np.float32)
PAIRS = Complements(*(np.array([value]) for value in (0, 2, 12, 3.5, 1)))
CHANCE = np.log([0.5, 0.25, 0.25]).astype(np.float32)
MODEL = ProductVectors(("a", "b", "c"), VECTORS, VECTORS * 2, CHANCE, PAIRS, 0, {}, VectorConfig())


def line(customer: str | None, product: str, age: int, **more) -> dict:
    day = D - timedelta(days=age)
    name = f"{customer}{product}{age}"
    dated = {"order_date": day, "event_date": day, "ingest_date": day, "event_at": datetime.combine(day, time(12))}
    return {"line_id": name, "order_id": name, "customer_id": customer, "product_id": product} | dated | more


@pytest.fixture
def scored(make_run, frame):
    """`scored(lines)`: the run of D after its vector tables were written."""

    def make(*lines: dict):
        make_run(D - timedelta(days=300), D + timedelta(days=1)).replace(
            frame(CLEAN_ORDER_LINES, *lines), CLEAN_ORDER_LINES
        )
        run = make_run(D)
        write_vectors(run, (MODEL, "product_vectors-7"))
        return run

    return make


def test_customers_have_their_mean_and_their_interests(scored, assert_rows):
    run = scored(
        line("x", "a", 60),
        line("x", "a", 60, order_id="again"),
        *(line("x", "b", 0, order_id=f"b{number}") for number in range(3)),
        line("x", "unknown", 0),
        line(None, "a", 0),
        line("stale", "a", 180),
        line("x", "c", -1, order_date=D),  # known a day later
    )
    told = {"as_of_date": D, "customer_id": "x", "model_version": "product_vectors-7"}
    assert_rows(
        run.read(SCORE_CUSTOMER_VECTOR),
        [
            told | {"interest_number": 0, "weight_share": 1, "vector": [0.25, 0.75]},
            told | {"interest_number": 1, "weight_share": 0.75, "vector": [0.0, 1.0]},
            told | {"interest_number": 2, "weight_share": 0.25, "vector": [1.0, 0.0]},
        ],
        SCORE_CUSTOMER_VECTOR,
    )


def test_products_and_pairs_are_those_of_the_model(scored, assert_rows):
    run = scored(line("x", "a", 0))
    told = {"as_of_date": D, "model_version": "product_vectors-7"}
    products = [
        told
        | {"product_id": name, "log_chance": float(chance)}
        | {"vector": vector.tolist(), "context_vector": (vector * 2 * EVIDENCE["skip_gram"]).tolist()}
        for name, vector, chance in zip("abc", VECTORS, MODEL.log_chance, strict=True)
    ]
    assert_rows(run.read(SCORE_PRODUCT_VECTOR), products, SCORE_PRODUCT_VECTOR)
    pair = {"product_id": "a", "other_product_id": "c", "basket_count": 12, "lift": 3.5, "pair_rank": 1}
    assert_rows(run.read(SCORE_PRODUCT_PAIR), [told | pair], SCORE_PRODUCT_PAIR)


def test_without_a_model_the_date_has_no_rows(scored):
    run = scored(line("x", "a", 0))
    write_vectors(run, None)
    assert not run.dates(SCORE_PRODUCT_VECTOR) | run.dates(SCORE_CUSTOMER_VECTOR) | run.dates(SCORE_PRODUCT_PAIR)


def test_without_a_model_ever_no_table_is_made(make_run):
    write_vectors(make_run(D), None)
    assert not make_run(D).exists(SCORE_PRODUCT_VECTOR)


def test_customers_are_scored_alike_in_whatever_order_their_rows_come():
    import pandas as pd

    rng = np.random.default_rng(0)
    part = pd.DataFrame(
        {"customer_id": np.repeat(["x", "y"], 3), "product_id": [*"abc", *"cab"], "weight": rng.random(6)}
    )
    one, other = customer_rows(MODEL)(part), customer_rows(MODEL)(part.iloc[rng.permutation(6)])
    assert one.drop(columns="vector").equals(other.drop(columns="vector"))
    assert np.array_equal(np.stack(one["vector"]), np.stack(other["vector"]))
