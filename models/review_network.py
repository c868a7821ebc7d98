"""Texts of reviews word by word: a small GRU that reads both ways (Cho et al. 2014).

Trained in JAX on at most `max_steps` batches, whatever the shop has; reading needs NumPy alone.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.base import TrainingDataError, read_arrays, read_json, with_tuples, write_arrays, write_json
from models.review_text import HEADS, RECOMMENDED, Reading, best_threshold, lessons, reading, texts_of
from models.review_words import words

_UNKNOWN, _FIRST = 1, 2  # 0 pads
_READ_TOGETHER = 256
_Taught = tuple[np.ndarray, np.ndarray, np.ndarray]  # numbers of words, labels, weights
_Trained = tuple[dict[str, np.ndarray], dict[str, float]]  # arrays, metrics
_ARRAYS = ("embedding", "inputs", "input_biases", "states", "new_biases", "heads", "head_biases")


@dataclass(frozen=True)
class ReviewNetworkConfig:
    """Shape and training of the network; the best epoch by a validation share is kept."""

    min_training_reviews: int = 1000
    min_reviews: int = 3
    max_words: int = 10_000
    longest_text: int = 100
    embedding_size: int = 48
    state_size: int = 48
    dropout: float = 0.4
    word_dropout: float = 0.1
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    batch_size: int = 64
    epochs: int = 8
    max_steps: int = 1000
    patience: int = 2
    validation_share: float = 0.1
    seed: int = 0


@dataclass(frozen=True)
class ReviewNetwork:
    """The words it knows and the layers' arrays; d the embedding's size, h the state's, 2 the directions.

    embedding (words, d), inputs (2, d, 3h), input_biases (2, 3h), states (2, h, 3h), new_biases (2, h),
    heads (4h, heads), head_biases (heads,).
    """

    vocabulary: tuple[str, ...]
    arrays: dict[str, np.ndarray]
    threshold: float
    seed: int
    metrics: dict[str, float]
    config: ReviewNetworkConfig
    feature_names: tuple[str, ...] = ("review_text",)
    kind: str = "network"

    @classmethod
    def fit(
        cls, texts: Iterable[str | None], ratings: Any, is_recommended: Any, config: ReviewNetworkConfig | None = None
    ) -> "ReviewNetwork":
        """Learn from stars, and from who recommends; a random share stops the training and chooses the threshold."""
        config = config or ReviewNetworkConfig()
        read = [words(text) for text in texts_of(texts)]
        is_used = np.array([bool(found) for found in read], dtype=bool)
        read = [found for found in read if found]
        if len(read) < config.min_training_reviews:
            raise TrainingDataError(f"a network needs {config.min_training_reviews} reviews, got {len(read)}")
        taught = lessons(np.asarray(ratings)[is_used], np.asarray(is_recommended)[is_used])
        seen_in = Counter(word for found in read for word in set(found))
        often = [(-n, word) for word, n in seen_in.items() if n >= config.min_reviews]
        vocabulary = tuple(sorted(word for _, word in sorted(often)[: config.max_words]))
        ids = _ids(read, _numbers(vocabulary), config.longest_text)
        order = np.random.default_rng(config.seed).permutation(len(ids))
        held, seen = np.split(order, [int(len(order) * config.validation_share)])
        training, validation = ((ids[rows], taught.labels[rows], taught.weights[rows]) for rows in (seen, held))
        arrays, metrics = _train(training, validation, len(vocabulary) + _FIRST, config)
        logits = _logits(arrays, ids[held])
        actual = taught.labels[held, RECOMMENDED] > 0
        threshold = best_threshold(actual, 1 / (1 + np.exp(-logits[:, RECOMMENDED])))
        shares = {"reviews": float(len(read)), "recommended_share": float(taught.labels[:, RECOMMENDED].mean())}
        metrics |= shares | {"words": float(len(vocabulary)), "threshold": threshold}
        return cls(vocabulary, arrays, threshold, config.seed, metrics, config)

    def read(self, texts: Iterable[str | None]) -> Reading:
        """What each text says."""
        numbers = _numbers(self.vocabulary)
        ids = _ids([words(text) for text in texts_of(texts)], numbers, self.config.longest_text)
        logits = np.zeros((len(ids), HEADS))
        by_length = np.argsort((ids > 0).sum(axis=1), kind="stable")
        for rows in np.split(by_length, range(_READ_TOGETHER, len(ids), _READ_TOGETHER)):
            logits[rows] = _logits(self.arrays, ids[rows])
        return reading(logits, np.any(ids > _UNKNOWN, axis=1))

    def save(self, directory: Path) -> None:
        """Write `review_text.json` (with the words) and `review_text.npz`."""
        keys = ("kind", "vocabulary", "threshold", "seed", "metrics", "feature_names")
        content = {key: getattr(self, key) for key in keys}
        write_json(directory, "review_text.json", {**content, "config": asdict(self.config)})
        write_arrays(directory, "review_text.npz", self.arrays)

    @classmethod
    def load(cls, directory: Path) -> "ReviewNetwork":
        """Read what `save` wrote."""
        content = with_tuples(read_json(directory, "review_text.json"))
        arrays = read_arrays(directory, "review_text.npz")
        return cls(**{**content, "config": ReviewNetworkConfig(**content["config"]), "arrays": arrays})


def _numbers(vocabulary: tuple[str, ...]) -> dict[str, int]:
    return {word: number for number, word in enumerate(vocabulary, _FIRST)}


def _ids(read: list[list[str]], numbers: dict[str, int], longest: int) -> np.ndarray:
    """Numbers of words (n, longest), 0 behind a text's end."""
    ids = np.zeros((len(read), longest), dtype=np.int32)
    for row, found in zip(ids, read, strict=True):
        known = [numbers.get(word, _UNKNOWN) for word in found[:longest]]
        row[: len(known)] = known
    return ids


def _logits(arrays: dict[str, np.ndarray], ids: np.ndarray) -> np.ndarray:
    """Logits (n, heads) of word numbers (n, length), as `_network` in JAX gives them without dropout."""
    from scipy.special import expit

    # Double precision: in single, a text's last digits hang on which texts are read with it.
    embedding, inputs, input_biases, states, new_biases, heads, head_biases = (
        arrays[name].astype(np.float64) for name in _ARRAYS
    )
    ids = ids[:, : max(1, int((ids > 0).sum(axis=1).max(initial=1)))]
    is_word = ids > 0
    size = states.shape[1]
    given = embedding[ids]
    told = []
    for way, step in ((0, 1), (1, -1)):
        gates = given @ inputs[way] + input_biases[way]
        state = np.zeros((len(ids), size))
        most, total = np.full(state.shape, -1.0), np.zeros(state.shape)
        for at in range(ids.shape[1])[::step]:
            of_state = state @ states[way]
            reset, keep = np.split(expit(gates[:, at, : 2 * size] + of_state[:, : 2 * size]), 2, axis=1)
            new = np.tanh(gates[:, at, 2 * size :] + reset * (of_state[:, 2 * size :] + new_biases[way]))
            here = is_word[:, at, None]
            state = np.where(here, keep * state + (1 - keep) * new, state)
            most = np.where(here, np.maximum(most, state), most)
            total += np.where(here, state, 0)
        told += [most, total / np.maximum(is_word.sum(axis=1), 1)[:, None]]
    return np.concatenate(told, axis=1) @ heads + head_biases


def _network(words_known: int, config: ReviewNetworkConfig) -> dict[str, Any]:
    """Arrays to begin with."""
    import jax

    keys = jax.random.split(jax.random.PRNGKey(config.seed), 4)
    d, h = config.embedding_size, config.state_size
    glorot, straight = jax.nn.initializers.glorot_uniform(), jax.nn.initializers.orthogonal()
    recurrent = [straight(key, (h, h)) for key in jax.random.split(keys[2], 6)]
    zeros = jax.numpy.zeros
    return {
        "embedding": jax.random.normal(keys[0], (words_known, d)) * 0.1,
        "inputs": jax.numpy.stack([glorot(key, (d, 3 * h)) for key in jax.random.split(keys[1], 2)]),
        "input_biases": zeros((2, 3 * h)),
        "states": jax.numpy.stack([jax.numpy.concatenate(recurrent[i : i + 3], axis=1) for i in (0, 3)]),
        "new_biases": zeros((2, h)),
        "heads": glorot(keys[3], (4 * h, HEADS)),
        "head_biases": zeros(HEADS),
    }


def _forward(arrays: dict[str, Any], ids: Any, key: Any, config: ReviewNetworkConfig) -> Any:
    """Logits (n, heads); with a key, words and values are dropped by chance. Both directions go in one scan."""
    import jax
    import jax.numpy as jnp

    is_word = ids > 0
    if key is not None:
        of_words, of_inputs, of_pooled = jax.random.split(key, 3)
        is_lost = jax.random.bernoulli(of_words, config.word_dropout, ids.shape) & is_word
        ids = jnp.where(is_lost, _UNKNOWN, ids)

    def dropped(values: Any, key: Any) -> Any:
        kept = jax.random.bernoulli(key, 1 - config.dropout, values.shape)
        return jnp.where(kept, values / (1 - config.dropout), 0)

    given = arrays["embedding"][ids]
    if key is not None:
        given = dropped(given, of_inputs)
    both = jnp.stack([given, given[:, ::-1]])
    gates = jnp.einsum("wntd,wdg->twng", both, arrays["inputs"]) + arrays["input_biases"][:, None, :]
    here = jnp.stack([is_word, is_word[:, ::-1]]).transpose(2, 0, 1)[..., None]
    size = config.state_size

    def step(carry: Any, now: Any) -> tuple[Any, None]:
        state, most, total = carry
        gate, is_here = now
        of_state = jnp.einsum("wnh,whg->wng", state, arrays["states"])
        reset, keep = jnp.split(jax.nn.sigmoid(gate[..., : 2 * size] + of_state[..., : 2 * size]), 2, axis=-1)
        inner = of_state[..., 2 * size :] + arrays["new_biases"][:, None, :]
        new = jnp.tanh(gate[..., 2 * size :] + reset * inner)
        state = jnp.where(is_here, keep * state + (1 - keep) * new, state)
        most = jnp.where(is_here, jnp.maximum(most, state), most)
        return (state, most, total + jnp.where(is_here, state, 0)), None

    zero = jnp.zeros((2, len(ids), size))
    (_, most, total), _ = jax.lax.scan(step, (zero, zero - 1, zero), (gates, here))
    mean = total / jnp.maximum(is_word.sum(axis=1), 1)[None, :, None]
    pooled = jnp.concatenate([most[0], mean[0], most[1], mean[1]], axis=1)
    if key is not None:
        pooled = dropped(pooled, of_pooled)
    return pooled @ arrays["heads"] + arrays["head_biases"]


def _train(training: _Taught, validation: _Taught, words_known: int, config: ReviewNetworkConfig) -> _Trained:
    """AdamW with a cosine decay; one compiled scan per epoch, as a Python loop would cost more than its steps."""
    import jax
    import jax.numpy as jnp
    import optax

    ids, labels, weights = training
    steps = min(len(ids) // config.batch_size, config.max_steps)
    epochs = max(1, min(config.epochs, config.max_steps // steps))
    optimiser = optax.adamw(
        optax.cosine_decay_schedule(config.learning_rate, epochs * steps, alpha=0.05), weight_decay=config.weight_decay
    )

    def loss(arrays: Any, ids: Any, labels: Any, weights: Any, key: Any) -> Any:
        logits = _forward(arrays, ids, key, config)
        return (optax.sigmoid_binary_cross_entropy(logits, labels) * weights).mean()

    @jax.jit
    def epoch(arrays: Any, state: Any, batches: Any) -> tuple[Any, Any]:
        def step(carry: Any, batch: Any) -> tuple[Any, None]:
            arrays, state = carry
            gradient = jax.grad(loss)(arrays, *batch)
            updates, state = optimiser.update(gradient, state, arrays)
            return (optax.apply_updates(arrays, updates), state), None

        return jax.lax.scan(step, (arrays, state), batches)[0]

    @jax.jit
    def validation_loss(arrays: Any) -> Any:
        held, labels, weights = (jnp.asarray(part[:5000]) for part in validation)
        return loss(arrays, held, labels, weights, None)

    rng = np.random.default_rng(config.seed)
    arrays = _network(words_known, config)
    state, best, best_loss, waited, done = optimiser.init(arrays), arrays, np.inf, 0, 0
    while done < epochs and waited < config.patience:
        # Under the cap, an epoch may be a part of the reviews: a fresh random part each time.
        taken = rng.permutation(len(ids))[: steps * config.batch_size].reshape(steps, -1)
        keys = jax.random.split(jax.random.PRNGKey(config.seed + 1 + done), steps)
        batches = (ids[taken], labels[taken], weights[taken], keys)
        arrays, state = epoch(arrays, state, batches)
        current, done, waited = float(validation_loss(arrays)), done + 1, waited + 1
        if current < best_loss:
            best, best_loss, waited = arrays, current, 0
    return {k: np.asarray(v) for k, v in best.items()}, {"epochs": float(done), "validation_loss": best_loss}
