import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.autoencoder import Autoencoder, AutoencoderConfig, _network, contraction, loss
from models.base import FeatureMismatchError, TrainingDataError

QUICK = AutoencoderConfig(hidden_sizes=(12, 8), embedding_size=3, epochs=25, batch_size=32, seed=3)


@pytest.fixture(scope="module")
def frame():
    """Twelve skewed features driven by three hidden interests, some values missing."""
    rng = np.random.default_rng(0)
    features = np.exp(rng.normal(size=(600, 3)) @ rng.normal(size=(3, 12)) + 0.1 * rng.normal(size=(600, 12)))
    features[rng.random(features.shape) < 0.02] = np.nan
    return pd.DataFrame(features, columns=[f"f{i}" for i in range(12)])


@pytest.fixture(scope="module")
def model(frame):
    return Autoencoder.fit(frame, QUICK)


def test_reconstruction_of_held_out_rows_beats_the_column_means(model):
    assert model.metrics["holdout_mse"] < 0.6 * model.metrics["column_mean_mse"]


def test_penalty_is_the_squared_jacobian_of_the_whole_encoder_by_finite_differences():
    import jax

    with jax.enable_x64(True):
        network = _network((5, 7, 4, 3), seed=1)
        x, step = np.linspace(-1, 1, 5), 1e-6
        around = jax.jit(jax.vmap(network.encode))(np.concatenate([x + step * np.eye(5), x - step * np.eye(5)]))
        slopes = np.asarray(around[:5] - around[5:]) / (2 * step)
        penalty = jax.jit(lambda sample: contraction(network, sample))(x)
        assert float(penalty) == pytest.approx(np.square(slopes).sum(), rel=1e-6)


def test_loss_is_reconstruction_error_plus_weighted_contraction():
    import jax

    network = _network((5, 4, 2), seed=1)
    batch = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    back = jax.jit(jax.vmap(lambda x: network.decode(network.encode(x))))(batch)
    penalty = jax.jit(jax.vmap(lambda x: contraction(network, x)))(batch)
    expected = np.square(np.asarray(back) - batch).mean() + 0.5 * np.asarray(penalty).mean()
    assert float(jax.jit(lambda x: loss(network, x, 0.5))(batch)) == pytest.approx(expected, rel=1e-5)


def test_numpy_forward_equals_jax_forward(model, frame):
    import jax

    network = _network((model.scaler.transform(frame).shape[1], 12, 8, 3), seed=0)
    object.__setattr__(network, "weights", [np.asarray(w) for w in model.weights])
    object.__setattr__(network, "biases", [np.asarray(b) for b in model.biases])
    object.__setattr__(network, "decoder_biases", [np.asarray(b) for b in model.decoder_biases])
    scaled = model.scaler.transform(frame.iloc[:5])
    embedded = np.asarray(jax.jit(jax.vmap(network.encode))(scaled))
    np.testing.assert_allclose(model.encode(frame.iloc[:5]), embedded, atol=1e-5)
    decoded = np.asarray(jax.jit(jax.vmap(network.decode))(embedded))
    np.testing.assert_allclose(
        model.reconstruction_error(frame.iloc[:5]), ((decoded - scaled) ** 2).mean(axis=1), atol=1e-5
    )


def test_contraction_makes_the_embedding_move_less(model, frame):
    stiff = Autoencoder.fit(frame, replace(QUICK, contraction_weight=0.3))
    moved = frame * 1.05

    def movement(m):
        return np.square(m.encode(moved) - m.encode(frame)).sum(axis=1).mean()

    assert movement(stiff) < 0.5 * movement(model)


def test_the_same_seed_gives_the_same_embedding_and_another_seed_another(model, frame):
    np.testing.assert_array_equal(Autoencoder.fit(frame, QUICK).encode(frame), model.encode(frame))
    other = Autoencoder.fit(frame, replace(QUICK, seed=4, epochs=1)).encode(frame)
    assert np.abs(other - model.encode(frame)).max() > 0.1


def test_unlike_rows_have_a_higher_reconstruction_error(model, frame):
    shuffled = frame.apply(lambda column: column.sample(frac=1, random_state=len(column.name) + 1).to_numpy())
    shuffled["f0"] = frame["f0"].to_numpy()[::-1]
    assert model.reconstruction_error(shuffled).mean() > model.reconstruction_error(frame).mean()


def test_the_step_cap_bounds_training(frame):
    capped = Autoencoder.fit(frame, replace(QUICK, max_steps=3))
    assert capped.metrics["epochs"] == 1


def test_a_saved_model_scores_equally_without_importing_jax(model, frame, tmp_path):
    model.save(tmp_path)
    assert Autoencoder.load(tmp_path).config == model.config
    assert Autoencoder.load(tmp_path).metrics == model.metrics
    frame.to_csv(tmp_path / "frame.csv", index=False)
    np.save(tmp_path / "expected.npy", model.encode(frame))
    code = """
import sys, pathlib, numpy as np, pandas as pd
from models.autoencoder import Autoencoder
folder = pathlib.Path(sys.argv[1])
got = Autoencoder.load(folder).encode(pd.read_csv(folder / "frame.csv"))
np.testing.assert_allclose(got, np.load(folder / "expected.npy"), atol=1e-6)
assert not {"jax", "equinox", "optax"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_too_few_rows_or_other_columns_are_refused(model, frame):
    with pytest.raises(TrainingDataError, match="30 rows"):
        Autoencoder.fit(frame.iloc[:20])
    with pytest.raises(FeatureMismatchError):
        model.encode(frame[frame.columns[::-1]])
