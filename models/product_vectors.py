"""Product vectors from what is bought or looked at together: skip-gram with negative sampling, or PPMI with SVD.

A sequence is a basket or a session; the order within one is of no account. Both methods end in the same model: two
vectors for each product, as what is known (`vectors`) and as what goes with it (`contexts`). Their product, and the
logarithm of how often a product comes by chance, rank what is likely to be bought next.

Skip-gram (Mikolov et al. 2013) takes the sum of a product's own vector and those of its category and price band, as
Wang et al. 2018 do: a rare product leans on its kind. PPMI with SVD (Levy and Goldberg 2014) has no chance in it.
Trained in JAX; scoring needs NumPy alone.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.base import TrainingDataError, read_arrays, read_json, with_tuples, write_arrays, write_json
from models.complements import Complements

Method = Literal["skip_gram", "ppmi_svd"]
TABLE = 1 << 20  # places of the table that products are drawn from
GROUP = 64  # pairs that share products drawn by chance
METHODS: tuple[Method, ...] = ("skip_gram", "ppmi_svd")
# How much a customer's vector counts beside chance: a mean of many vectors is shorter than what it stands for. Chosen,
# as the defaults below, by next orders of Complete Journey and Online Retail two months before those in
# docs/benchmarks.md.
EVIDENCE: dict[Method, float] = {"skip_gram": 2.0, "ppmi_svd": 6.0}


@dataclass(frozen=True)
class VectorConfig:
    """Size and training. `most_pairs` bounds the work on many sequences; what is beyond is left out by chance."""

    method: Method = "skip_gram"
    size: int = 64
    smoothing: float = 0.75  # of the odds by which a product is drawn by chance; both methods
    pairs_per_product: int = 80  # drawn for each product of a sequence, over the whole training
    most_pairs: int = 10_000_000
    largest_batch: int = 4096
    negatives: float = 5.0  # weight of products drawn by chance beside one that came together
    drawn: int = 32  # products drawn by chance for a group of pairs, which share them: one matrix product
    learning_rate: float = 0.005
    fewest_products: int = 20
    seed: int = 0


@dataclass(frozen=True)
class Sequences:
    """Products by sequence, as positions in a list of products: `products` (n,), and the `sequence` (n,) of each.

    Every product stands once in a sequence.
    """

    products: np.ndarray
    sequence: np.ndarray

    def matrix(self, product_count: int) -> Any:
        """Sparse (sequences, products) of ones, without sequences of one product: nothing goes with it."""
        from scipy.sparse import csr_matrix

        _, rows = np.unique(self.sequence, return_inverse=True)
        shape = (int(rows.max(initial=-1)) + 1, product_count)
        found = csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, self.products)), shape=shape)
        return found[np.diff(found.indptr) > 1]


@dataclass(frozen=True)
class ProductVectors:
    """Fitted vectors: `vectors` and `contexts` (V, d), `log_chance` (V,), in the order of `product_ids`."""

    product_ids: tuple[str, ...]
    vectors: np.ndarray
    contexts: np.ndarray
    log_chance: np.ndarray
    complements: Complements
    seed: int
    metrics: dict[str, float]
    config: VectorConfig
    feature_names: tuple[str, ...] = ("product_id",)

    @classmethod
    def fit(
        cls,
        sequences: Sequences,
        product_ids: tuple[str, ...],
        kinds: np.ndarray | None = None,
        config: VectorConfig | None = None,
    ) -> "ProductVectors":
        """Train on sequences; `kinds` (V, m) holds each product's category, price band and so on, -1 where unknown."""
        config = config or VectorConfig()
        matrix = sequences.matrix(len(product_ids))
        if len(product_ids) < config.fewest_products or not matrix.nnz:
            raise TrainingDataError(
                f"product vectors need {config.fewest_products} products that came together, got {len(product_ids)}"
            )
        counts = np.asarray(matrix.sum(axis=0)).ravel() + 1.0
        chance = counts**config.smoothing / (counts**config.smoothing).sum()
        if config.method == "ppmi_svd":
            vectors, contexts = _ppmi_svd(matrix, chance, config)
        else:
            tokens = _tokens(kinds if kinds is not None else np.empty((len(counts), 0), dtype=int))
            vectors, contexts = _skip_gram(matrix, tokens, chance, config)
        return cls(
            product_ids,
            vectors.astype(np.float32),
            contexts.astype(np.float32),
            np.log(chance).astype(np.float32),
            complements=Complements.none(),
            seed=config.seed,
            metrics={"sequences": float(matrix.shape[0]), "products": float(len(product_ids))},
            config=config,
        )

    @property
    def ranking_contexts(self) -> np.ndarray:
        """`contexts` (V, d) by the weight that a customer's vector has beside `log_chance`."""
        return self.contexts * np.float32(EVIDENCE[self.config.method])

    def scores(self, customers: np.ndarray) -> np.ndarray:
        """How likely each product is bought next (n, V), by customers' vectors (n, d); ranks within a row."""
        return customers @ self.ranking_contexts.T + self.log_chance

    def save(self, directory: Path) -> None:
        """Write `product_vectors.json` and `product_vectors.npz`."""
        content = {"seed": self.seed, "metrics": self.metrics, "config": asdict(self.config)}
        write_json(directory, "product_vectors.json", {"product_ids": self.product_ids, **content})
        arrays = {name: getattr(self, name) for name in ("vectors", "contexts", "log_chance")}
        pairs = {f"pair_{name}": array for name, array in asdict(self.complements).items()}
        write_arrays(directory, "product_vectors.npz", arrays | pairs)

    @classmethod
    def load(cls, directory: Path) -> "ProductVectors":
        """Read what `save` wrote."""
        content, arrays = read_json(directory, "product_vectors.json"), read_arrays(directory, "product_vectors.npz")
        pairs = {name.removeprefix("pair_"): arrays.pop(name) for name in list(arrays) if name.startswith("pair_")}
        config = VectorConfig(**content.pop("config"))
        return cls(**with_tuples({**content, **arrays, "complements": Complements(**pairs), "config": config}))


def together(matrix: Any) -> Any:
    """Sparse (V, V): how often a product meets another, where each product of a sequence draws one of the others."""
    from scipy.sparse import diags

    sizes = np.diff(matrix.indptr)
    found = (matrix.T @ (diags(1 / (sizes - 1)) @ matrix)).tocsr()
    found.setdiag(0)
    found.eliminate_zeros()
    return found


def _ppmi_svd(matrix: Any, chance: np.ndarray, config: VectorConfig) -> tuple[np.ndarray, np.ndarray]:
    """Positive pointwise mutual information, cut to its largest singular values, whose roots each side gets."""
    from scipy.sparse.linalg import svds

    met = together(matrix).tocoo()
    of_row = np.asarray(met.sum(axis=1)).ravel()
    information = np.log(met.data / of_row[met.row] / chance[met.col])
    met.data = np.maximum(information, 0)
    positive = met.tocsr()
    positive.eliminate_zeros()
    size = min(config.size, matrix.shape[1] - 1)
    left, values, right = svds(positive, k=size, v0=np.ones(matrix.shape[1]), tol=1e-4)
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(size)])  # else the sign is the solver's whim
    roots = np.sqrt(values) * signs
    return (left * roots)[:, ::-1], (right.T * roots)[:, ::-1]


def _tokens(kinds: np.ndarray) -> np.ndarray:
    """(V, 1 + m) rows of one table of vectors: the product's own, and one for each value of each kind; -1: none."""
    columns = [np.arange(len(kinds))]
    used = len(kinds)
    for column in kinds.T:
        columns.append(np.where(column >= 0, column + used, -1))
        used += int(column.max(initial=-1)) + 1
    return np.stack(columns, axis=1)


def _pairs(matrix: Any, config: VectorConfig, rng: np.random.Generator) -> np.ndarray:
    """(n, 2) products of one sequence, drawn by chance: each product of each draws another of it."""
    sizes = np.repeat(np.diff(matrix.indptr), np.diff(matrix.indptr))
    starts = np.repeat(matrix.indptr[:-1], np.diff(matrix.indptr))
    batch = _batch_size(matrix.shape[1], config)
    count = min(config.pairs_per_product * matrix.nnz, config.most_pairs)
    count = max(batch, count - count % batch)
    taken = rng.integers(0, matrix.nnz, count)
    shift = 1 + (rng.random(count) * (sizes[taken] - 1)).astype(np.int64)
    other = starts[taken] + (taken - starts[taken] + shift) % sizes[taken]
    return np.stack([matrix.indices[taken], matrix.indices[other]], axis=1)


def _batch_size(product_count: int, config: VectorConfig) -> int:
    """A quarter of the products, in whole groups: Adam moves all vectors at each step, so larger shops need fewer."""
    return min(config.largest_batch, max(4 * GROUP, product_count // 4 // GROUP * GROUP))


def _skip_gram(
    matrix: Any, tokens: np.ndarray, chance: np.ndarray, config: VectorConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Adam over pairs; one compiled scan, as a Python loop would cost more than its steps."""
    import jax
    import jax.numpy as jnp
    import optax

    rng = np.random.default_rng(config.seed)
    pairs = _pairs(matrix, config, rng).reshape(-1, _batch_size(len(chance), config), 2)
    # Products by their chance, to draw from: word2vec's table.
    table = jnp.asarray(np.searchsorted(np.cumsum(chance), (np.arange(TABLE) + 0.5) / TABLE * chance.sum()), "int32")
    keys = jax.random.split(jax.random.PRNGKey(config.seed), len(pairs))
    has_token = jnp.asarray(tokens >= 0)[..., None]
    rows = jnp.asarray(np.maximum(tokens, 0))
    scale = 1 / np.sqrt(config.size)
    known = jnp.asarray(rng.normal(scale=scale / tokens.shape[1], size=(int(tokens.max()) + 1, config.size)), "float32")
    tables = (known, jnp.zeros((len(chance), config.size), "float32"))
    optimiser = optax.adam(optax.cosine_decay_schedule(config.learning_rate, len(pairs), alpha=0.05))

    def loss(tables: Any, batch: Any, key: Any) -> Any:
        by_chance = table[jax.random.randint(key, (len(batch) // GROUP, config.drawn), 0, TABLE)]
        vectors = (tables[0][rows[batch[:, 0]]] * has_token[batch[:, 0]]).sum(axis=1)
        met = (vectors * tables[1][batch[:, 1]]).sum(axis=1)
        missed = jnp.einsum("gbd,gkd->gbk", vectors.reshape(-1, GROUP, config.size), tables[1][by_chance])
        return jax.nn.softplus(-met).mean() + config.negatives * jax.nn.softplus(missed).mean()

    @jax.jit
    def train(tables: Any, pairs: Any, keys: Any) -> Any:
        def step(carry: Any, given: Any) -> tuple[Any, None]:
            tables, state = carry
            updates, state = optimiser.update(jax.grad(loss)(tables, *given), state)
            return (optax.apply_updates(tables, updates), state), None

        return jax.lax.scan(step, (tables, optimiser.init(tables)), (pairs, keys))[0][0]

    vectors, contexts = (np.asarray(one) for one in train(tables, jnp.asarray(pairs), keys))
    parts = np.where(tokens[..., None] >= 0, vectors[np.maximum(tokens, 0)], 0)
    return parts.sum(axis=1), contexts
