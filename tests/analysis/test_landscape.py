"""Gradients and Hessians against finite differences, spectra of saddles against their known structure."""

from collections.abc import Mapping

import jax
import numpy as np
import pytest
from scipy.optimize import approx_fprime, root_scalar

from stepwell.analysis import conserved, gradient, hessian, hessian_spectrum, impulse_response, index
from stepwell.experiment import Experiment
from stepwell.network.linear import Linear, balanced, realisation
from stepwell.settings import replace
from stepwell.task import Arrays, Impulse

POLES, RESIDUES = (0.5, -0.45, -0.75), (0.9, 0.7, -0.65)
TARGET = np.array(RESIDUES) @ np.array(POLES)[:, None] ** np.arange(100)
SHAPES = {"W": (3, 3), "b": (3, 1), "c": (1, 3)}


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return Experiment(task=Impulse(POLES, RESIDUES, steps=100), network=Linear(hidden=3))


@pytest.fixture(scope="module")
def somewhere() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: 0.4 * rng.standard_normal(shape) for name, shape in SHAPES.items()}


def unpacked(vector: np.ndarray) -> dict[str, np.ndarray]:
    parts = np.split(vector, [9, 12])
    return {name: part.reshape(shape) for part, (name, shape) in zip(parts, SHAPES.items())}


def loss(vector: np.ndarray) -> float:
    """The loss in plain NumPy, of parameters packed as W row by row, b, c."""
    return 0.5 * float(np.sum((response(unpacked(vector)) - TARGET) ** 2))


def response(params: Mapping[str, np.ndarray], steps: int = 100) -> np.ndarray:
    return impulse_response(params["W"], params["b"], params["c"], steps)[:, 0, 0]


def packed(params: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([params[name].ravel() for name in SHAPES])


def saddle(model: tuple[np.ndarray, np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """A model in the first units of three, norm-balanced, and zeros everywhere else."""
    W, b, c = balanced(*model)
    silent = 3 - len(W)
    return {
        "W": np.pad(W, (0, silent)),
        "b": np.pad(b, ((0, silent), (0, 0))),
        "c": np.pad(c, ((0, 0), (0, silent))),
    }


def best_pole() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The one-pole model at the largest (1 - p^2) S^2, S = sum_s g*_s p^s; its residue is (1 - p^2) S."""
    lags = np.arange(100)

    def slope(p: float) -> float:
        value, change = TARGET @ p**lags, TARGET[1:] @ (lags[1:] * p ** lags[:-1])
        return float((1 - p**2) * change - p * value)

    p = root_scalar(slope, bracket=(0.4, 0.6), xtol=1e-15).root
    return realisation([p], [(1 - p**2) * (TARGET @ p**lags)])


def test_gradient_equals_finite_differences(experiment, somewhere):
    value, slope = gradient(experiment, somewhere)
    assert abs(value - loss(packed(somewhere))) < 1e-14 * value * 100  # rounding of 100 summands
    assert {name: part.shape for name, part in slope.items()} == SHAPES
    numeric = approx_fprime(packed(somewhere), loss, 1e-7)
    np.testing.assert_allclose(
        packed(slope), numeric, atol=1e-5
    )  # one-sided steps of 1e-7 and curvatures of 10


def test_hessian_equals_finite_differences_of_the_gradient(experiment, somewhere):
    centre, step = packed(somewhere), 1e-5
    columns = [
        (
            packed(gradient(experiment, unpacked(centre + step * e))[1])
            - packed(gradient(experiment, unpacked(centre - step * e))[1])
        )
        / (2 * step)
        for e in np.eye(15)
    ]
    # Central steps of 1e-5: third derivatives of 10 to 100 times 1e-10, and rounding of 1e-16 over 1e-5.
    np.testing.assert_allclose(hessian(experiment, somewhere), columns, atol=1e-8)


def test_small_system_has_the_printed_gradient(experiment):
    W = np.array([[0.5, 0.2, 0.0], [-0.1, 0.3, 0.4], [0.0, -0.3, -0.2]])
    system = {"W": W, "b": np.array([[1.0], [0.5], [-0.2]]), "c": np.array([[0.4, -0.3, 0.8]])}
    value, slope = gradient(experiment, system)
    # Printed to 12 decimals for the infinite horizon; after 100 lags 0.75^200 is left.
    assert abs(value - 0.557215384079) < 6e-13
    np.testing.assert_allclose(
        slope["b"][:, 0], [-0.438129031971, 0.371811076652, -0.571805626983], atol=6e-13
    )
    np.testing.assert_allclose(slope["c"][0], [-1.109518961546, -0.425738181326, 0.222779702465], atol=6e-13)
    np.testing.assert_allclose(slope["W"][0], [-0.173143459046, -0.078757348878, 0.029128880716], atol=6e-13)


def test_origin_has_the_rate_of_the_first_response_in_every_unit(experiment):
    origin = {name: np.zeros(shape) for name, shape in SHAPES.items()}
    wanted = np.zeros((15, 15))
    wanted[9:12, 12:], wanted[12:, 9:12] = (
        -0.95 * np.eye(3),
        -0.95 * np.eye(3),
    )  # b against c, after the 9 of W
    np.testing.assert_allclose(hessian(experiment, origin), wanted, atol=1e-15)  # 0.9 + 0.7 - 0.65 is rounded
    np.testing.assert_allclose(
        hessian_spectrum(experiment, origin), np.repeat([-0.95, 0, 0.95], [3, 9, 3]), atol=1e-14
    )


def test_saddle_of_one_pole(experiment):
    W, b, c = best_pole()
    model = saddle((W, b, c))
    p, r = W.item(), (c @ b).item()
    rate = abs(r - 0.95) * (1 + r / p**2)
    assert abs(rate - 0.144516539) < 2e-8  # the pole of the reference model is 3e-9 away from the optimum
    spectrum = hessian_spectrum(experiment, model)
    assert (
        max(np.abs(part).max() for part in gradient(experiment, model)[1].values()) < 1e-13
    )  # rounding of 100 terms
    # Two ways out and two back at the escape rate, nine flat directions, two of the model itself.
    np.testing.assert_allclose(spectrum[:13], np.repeat([-rate, 0, rate], [2, 9, 2]), atol=1e-12)
    assert abs(spectrum[13] - 1.56013) < 6e-6  # printed to 5 decimals
    assert abs(spectrum[14] - 3.94) < 6e-3  # printed to 2
    assert [index(spectrum, share * rate) for share in (0.01, 0.5, 1.5)] == [2, 2, 0]


def test_saddle_of_two_poles(experiment):
    model = saddle(realisation([0.383325832, -0.850028929], [1.194206526, -0.257676721]))
    spectrum = hessian_spectrum(experiment, model)
    # The model is printed to 9 decimals, and the spectrum to 6, 5 and 2 of its own.
    np.testing.assert_allclose(spectrum[:11], np.repeat([-0.153654, 0, 0.153654], [1, 9, 1]), atol=1e-6)
    assert abs(spectrum[11] - 1.27887) < 6e-6
    assert abs(spectrum[-1] - 6.46) < 6e-3
    assert index(spectrum, 0.01 * 0.153654) == 1


def test_silent_pole_beside_a_saddle_pulls_on_its_weights_together(experiment):
    model = saddle(best_pole())
    model["W"][1, 1] = 0.3
    matrix = hessian(experiment, model)
    block = matrix[np.ix_([10, 13], [10, 13])]  # b and c of the second unit
    J = 0.3 ** np.arange(100) @ (response(model) - TARGET)
    np.testing.assert_allclose(block, [[0, J], [J, 0]], atol=1e-14)  # rounding of 100 summands
    assert abs(abs(J) - 0.0035596202) < 2e-9  # the pole of the reference model is 3e-9 away from the optimum
    p, r = model["W"][0, 0], model["b"][0, 0] * model["c"][0, 0]
    model["W"][2, 2] = 0.3
    deepest = hessian_spectrum(experiment, model)[0]
    assert abs(deepest + abs(J) * (1 + r / (p - 0.3) ** 2)) < 1e-12  # the rate for poles at 0.3
    assert abs(deepest + 0.097316983) < 5e-8  # as above, divided by the square of the distance of the poles


def test_only_trainable_parameters_span_the_landscape(experiment, somewhere):
    readout = replace(experiment, trainable=("c",))
    states = impulse_response(somewhere["W"], somewhere["b"], np.eye(3), 100)[:, :, 0]
    # The loss is a parabola in the readout, with the states' second moments as its curvature.
    np.testing.assert_allclose(hessian(readout, somewhere), states.T @ states, rtol=1e-12, atol=1e-14)
    assert list(gradient(readout, somewhere)[1]) == ["c"]
    both = hessian(replace(experiment, trainable=("c", "W")), somewhere)
    whole = hessian(experiment, somewhere)
    chosen = [*range(9), *range(12, 15)]  # packed by name, whatever the order in `trainable`
    np.testing.assert_allclose(both, whole[np.ix_(chosen, chosen)], atol=1e-14)


def test_new_numbers_compile_nothing(somewhere, monkeypatch):
    traced, rollout = [], Linear.rollout
    monkeypatch.setattr(Linear, "rollout", lambda self, *rest: traced.append(1) or rollout(self, *rest))
    for first, sigma0 in [(0.9, 0.01), (0.8, 0.3)]:
        task = Impulse(POLES, (first, 0.7, -0.65), steps=37)
        value, _ = gradient(Experiment(task=task, network=Linear(hidden=3, sigma0=sigma0)), somewhere)
        error = response(somewhere, 37) - np.array([first, 0.7, -0.65]) @ np.array(POLES)[
            :, None
        ] ** np.arange(37)
        assert abs(value - 0.5 * error @ error) < 1e-14 * 37  # rounding; the second call sees its own numbers
    assert len(traced) == 1


def test_trials_of_a_user_are_a_landscape_too():
    rng = np.random.default_rng(1)
    inputs, targets = rng.standard_normal((4, 6, 2)), rng.standard_normal((4, 6, 1))
    network = Linear(hidden=1, input=2, leak=0.0)
    params = {"W": np.zeros((1, 1)), "b": np.array([[1.0, -2.0]]), "c": np.array([[0.5]])}
    value, _ = gradient(Experiment(task=Arrays(inputs, targets), network=network), params)
    outputs = 0.5 * inputs @ params["b"].T  # without recurrent weights the output is that of the moment
    assert abs(value - 0.5 * np.mean((outputs - targets) ** 2)) < 1e-14  # rounding of 24 summands


def test_parameters_may_come_from_jax_or_in_single_precision(experiment, somewhere):
    wanted = gradient(experiment, somewhere)[0]
    with jax.enable_x64(True):
        ours = {name: jax.numpy.asarray(value) for name, value in somewhere.items()}
    assert gradient(experiment, ours)[0] == wanted
    single = {name: value.astype(np.float32) for name, value in somewhere.items()}
    assert abs(gradient(experiment, single)[0] - wanted) < 1e-5  # the rounding of the weights, no more


def test_gradient_flow_conserves_the_difference_of_gram_matrices(experiment):
    rng = np.random.default_rng(4)
    params = {name: 0.3 * rng.standard_normal(shape) for name, shape in SHAPES.items()}
    (W, b, c), (dW, db, dc) = params.values(), gradient(experiment, params)[1].values()
    half = dW @ W.T - W.T @ dW + db @ b.T - c.T @ dc
    assert np.abs(half + half.T).max() < 1e-15 * 10  # entries of size one
    # Steps of descent conserve Q to first order only: a tenth of the step, a hundredth of the drift.
    start, coarse, fine = (conserved(W - h * dW, b - h * db, c - h * dc) for h in (0.0, 1e-3, 1e-4))
    np.testing.assert_allclose(coarse - start, 100 * (fine - start), atol=1e-12)  # 100 times rounding


def test_conserved_matrix_of_the_small_system_has_the_printed_rows():
    W = np.array([[0.5, 0.2, 0.0], [-0.1, 0.3, 0.4], [0.0, -0.3, -0.2]])
    found = conserved(W, np.array([[1.0], [0.5], [-0.2]]), np.array([[0.4, -0.3, 0.8]]))
    wanted = [[0.87, 0.56, -0.54], [0.56, 0.20, -0.21], [-0.54, -0.21, -0.67]]
    np.testing.assert_allclose(found, wanted, atol=1e-15)  # exact decimals


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"b": np.zeros((2, 1))}, "the network needs"),
        ({"extra": np.zeros(3)}, "the network needs"),
        ({"W": np.full((3, 3), np.nan)}, "W holds NaN"),
    ],
)
def test_parameters_of_another_network_are_refused(experiment, somewhere, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        hessian_spectrum(experiment, somewhere | change)


def test_negative_threshold_is_refused():
    with pytest.raises(ValueError, match="0 or above"):
        index([-1.0, 1.0], -0.1)
