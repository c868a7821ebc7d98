"""Contractive autoencoder (Rifai et al. 2011): customer features to a short, robust embedding.

The penalty is the squared Frobenius norm of the Jacobian of the whole encoder, so that a small change of a customer's
features moves the embedding little, however many layers lie between. Trained in JAX; scoring needs NumPy alone.
"""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.base import TrainingDataError, read_arrays, read_json, with_tuples, write_arrays, write_json
from models.scaling import FeatureScaler, ScalerConfig

_PARTS = ("weights", "biases", "decoder_biases")


@dataclass(frozen=True)
class AutoencoderConfig:
    """Shape and training of the network. `max_steps` caps the work on many rows; the best validation epoch is kept."""

    hidden_sizes: tuple[int, ...] = (64, 32)
    embedding_size: int = 16
    contraction_weight: float = 1e-3
    epochs: int = 60
    max_steps: int = 6000
    batch_size: int = 128
    learning_rate: float = 3e-3
    patience: int = 8
    validation_share: float = 0.1
    holdout_share: float = 0.1
    seed: int = 0
    scaler: ScalerConfig = field(default_factory=ScalerConfig)


def _network(sizes: tuple[int, ...], seed: int) -> Any:
    """Build the Equinox module; imported here so that scoring never pays for JAX."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    class Network(eqx.Module):
        """Encoder of tanh layers; the decoder has the transposed weights, its own biases and a linear end.

        Tied weights, as in the paper: else the encoder could shrink, and the decoder grow, until the penalty is
        nothing and nothing is more robust for it.
        """

        weights: list[jax.Array]
        biases: list[jax.Array]
        decoder_biases: list[jax.Array]

        def encode(self, x: jax.Array) -> jax.Array:
            """One sample (d,) to its embedding (k,)."""
            for weight, bias in zip(self.weights, self.biases, strict=True):
                x = jnp.tanh(weight @ x + bias)
            return x

        def decode(self, z: jax.Array) -> jax.Array:
            """One embedding (k,) back to (d,)."""
            layers = list(zip(self.weights[::-1], self.decoder_biases, strict=True))
            for weight, bias in layers[:-1]:
                z = jnp.tanh(weight.T @ z + bias)
            weight, bias = layers[-1]
            return weight.T @ z + bias

    keys = jax.random.split(jax.random.PRNGKey(seed), len(sizes) - 1)
    shapes = list(zip(sizes[1:], sizes[:-1], strict=True))
    weights = [jax.nn.initializers.glorot_uniform()(key, shape) for key, shape in zip(keys, shapes, strict=True)]
    return Network(weights, [jnp.zeros(n) for n in sizes[1:]], [jnp.zeros(n) for n in sizes[-2::-1]])


def contraction(network: Any, x: Any) -> Any:
    """Squared Frobenius norm of d encode / d x at one sample (d,): one backward pass per embedding dimension."""
    import jax

    return (jax.jacrev(network.encode)(x) ** 2).sum()


def loss(network: Any, batch: Any, contraction_weight: float) -> Any:
    """Mean over the batch (n, d) of squared error per feature plus the weighted contraction."""
    import jax

    def one(x: Any) -> Any:
        error = ((network.decode(network.encode(x)) - x) ** 2).mean()
        return error + contraction_weight * contraction(network, x)

    return jax.vmap(one)(batch).mean()


@dataclass(frozen=True)
class Autoencoder:
    """A trained autoencoder: the scaler and the layers' arrays."""

    feature_names: tuple[str, ...]
    scaler: FeatureScaler
    weights: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    decoder_biases: tuple[np.ndarray, ...]
    seed: int
    metrics: dict[str, float]
    config: AutoencoderConfig

    @classmethod
    def fit(cls, frame: pd.DataFrame, config: AutoencoderConfig | None = None) -> "Autoencoder":
        """Train on a random share of rows, stop by a second, and measure on a third that took no part."""
        config = config or AutoencoderConfig()
        if len(frame) < 30:
            raise TrainingDataError(f"autoencoder needs 30 rows, got {len(frame)}")
        order = np.random.default_rng(config.seed).permutation(len(frame))
        held = max(1, int(len(frame) * config.holdout_share))
        stop = max(1, int(len(frame) * config.validation_share))
        scaler = FeatureScaler.fit(frame.iloc[order[held + stop :]], config.scaler)
        rows = scaler.transform(frame)[order]
        network, training = _train(rows[held + stop :], rows[held : held + stop], config)
        layers: dict[str, Any] = {part: tuple(map(np.asarray, getattr(network, part))) for part in _PARTS}
        model = cls(tuple(map(str, frame.columns)), scaler, **layers, seed=config.seed, metrics={}, config=config)
        error = float(((model._decode(model._encode(rows[:held])) - rows[:held]) ** 2).mean())
        baseline = float(((rows[:held] - rows[held + stop :].mean(axis=0)) ** 2).mean())
        measured = {"holdout_mse": error, "column_mean_mse": baseline, "holdout_rows": float(held)}
        return replace(model, metrics={**training, **measured})

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Embed each row: float32 (n, k), every value within (-1, 1)."""
        return self._encode(self.scaler.transform(frame)).astype(np.float32)

    predict = encode

    def reconstruction_error(self, frame: pd.DataFrame) -> np.ndarray:
        """Mean squared error of each row, in scaled units: high where a customer is unlike those trained on."""
        scaled = self.scaler.transform(frame)
        return ((self._decode(self._encode(scaled)) - scaled) ** 2).mean(axis=1)

    def _encode(self, x: np.ndarray) -> np.ndarray:
        # Double precision: in single, a row's last digits hang on how many rows are multiplied with it.
        x = x.astype(np.float64)
        for weight, bias in zip(self.weights, self.biases, strict=True):
            x = np.tanh(x @ weight.T + bias)
        return x

    def _decode(self, z: np.ndarray) -> np.ndarray:
        layers = list(zip(self.weights[::-1], self.decoder_biases, strict=True))
        for weight, bias in layers[:-1]:
            z = np.tanh(z @ weight + bias)
        return z @ layers[-1][0] + layers[-1][1]

    def save(self, directory: Path) -> None:
        """Write `autoencoder.json`, `autoencoder.npz` and the scaler."""
        content = {"seed": self.seed, "metrics": self.metrics, "config": asdict(self.config)}
        write_json(directory, "autoencoder.json", {"feature_names": self.feature_names, **content})
        arrays = {f"{part}_{i}": array for part in _PARTS for i, array in enumerate(getattr(self, part))}
        write_arrays(directory, "autoencoder.npz", arrays)
        self.scaler.save(directory)

    @classmethod
    def load(cls, directory: Path) -> "Autoencoder":
        """Read what `save` wrote."""
        content, arrays = read_json(directory, "autoencoder.json"), read_arrays(directory, "autoencoder.npz")
        depth = range(len(arrays) // len(_PARTS))
        layers = {part: tuple(arrays[f"{part}_{i}"] for i in depth) for part in _PARTS}
        stored = with_tuples(content["config"])
        config = AutoencoderConfig(**{**stored, "scaler": ScalerConfig(**stored["scaler"])})
        return cls(**with_tuples({**content, **layers, "config": config, "scaler": FeatureScaler.load(directory)}))


def _train(rows: np.ndarray, validation: np.ndarray, config: AutoencoderConfig) -> tuple[Any, dict[str, float]]:
    """Adam with a cosine decay; one compiled scan per epoch, as a Python loop would cost more than its steps."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import optax

    batch_size = min(config.batch_size, len(rows))
    steps = len(rows) // batch_size
    epochs = max(1, min(config.epochs, config.max_steps // steps))
    network = _network((rows.shape[1], *config.hidden_sizes, config.embedding_size), config.seed)
    optimiser = optax.adam(optax.cosine_decay_schedule(config.learning_rate, epochs * steps, alpha=0.05))

    @eqx.filter_jit
    def epoch(network: Any, state: Any, batches: Any) -> tuple[Any, Any]:
        def step(carry: tuple[Any, Any], batch: Any) -> tuple[tuple[Any, Any], None]:
            network, state = carry
            gradient = jax.grad(loss)(network, batch, config.contraction_weight)
            updates, state = optimiser.update(gradient, state)
            return (optax.apply_updates(network, updates), state), None

        return jax.lax.scan(step, (network, state), batches)[0]

    validation_loss = eqx.filter_jit(
        lambda network: loss(network, jnp.asarray(validation[:5000]), config.contraction_weight)
    )
    rng = np.random.default_rng(config.seed)
    state, best, best_loss, waited, done = optimiser.init(network), network, np.inf, 0, 0
    while done < epochs and waited < config.patience:
        # Under the cap, an epoch may be a part of the rows: a fresh random part each time.
        taken = rng.permutation(len(rows))[: min(steps, config.max_steps) * batch_size]
        network, state = epoch(network, state, jnp.asarray(rows[taken].reshape(-1, batch_size, rows.shape[1])))
        current, done, waited = float(validation_loss(network)), done + 1, waited + 1
        if current < best_loss:
            best, best_loss, waited = network, current, 0
    return best, {"epochs": float(done), "validation_loss": best_loss}
