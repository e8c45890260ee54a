"""The formulas that exist in JavaScript against their Python twins, on 200 random systems each."""

import numpy as np
import pytest

from stepwell import analysis, theory
from stepwell.experiment import Experiment, Optimiser
from stepwell.lab.response import companion
from stepwell.lab.training import mirrored
from stepwell.network import NETWORKS
from stepwell.rule import RULES
from stepwell.run.watched import begun, further, parameters
from stepwell.task import TASKS
from stepwell.theory import linear_flow, saddle_node
from stepwell.theory.linear_flow_exact import exact_g0

COUNT = 200
ALLOWED = 1e-10
"""Of the largest entry of each system's result: what is asked of the pages; rounding stays far below."""
ABOVE = """async ([module, name, systems]) => {
  const found = (await import(`/static/${module}.js`))[name];
  return systems.map((values) => found(...values));
}"""


@pytest.fixture(scope="module")
def javascript(chromium, lab):
    """(module, function, arguments of each system) -> results."""
    page = chromium.new_page()
    page.goto(lab.address)
    yield lambda module, name, systems: page.evaluate(ABOVE, [module, name, systems])
    page.close()


@pytest.fixture
def draw():
    return np.random.default_rng(20)


def agree(found, wanted, allowed=ALLOWED):
    assert len(found) == len(wanted) == COUNT
    for one, other in zip(found, wanted):
        one, other = np.asarray(one, float), np.asarray(other, float)
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= allowed * max(np.abs(other).max(), 1e-300)


def points(draw, pairs, singles):
    """Points of the plane without mirrors: [re, im]."""
    angle, size = draw.uniform(0.2, 2.9, pairs), draw.uniform(0.2, 0.98, pairs)
    real = np.linspace(-0.9, 0.9, 9)[draw.permutation(9)[:singles]] + draw.uniform(-0.05, 0.05, singles)
    both = [*zip(size * np.cos(angle), size * np.sin(angle)), *zip(real, np.zeros(singles))]
    return [(float(re), float(im)) for re, im in both]


def with_mirrors(found):
    poles, _ = mirrored(found, [0.0] * len(found))
    return [[complex(z).real, complex(z).imag] for z in poles]


@pytest.fixture
def systems(draw):
    """(poles, zeros, gain), mirrors included."""
    made = []
    for _ in range(COUNT):
        pairs, singles = draw.integers(0, 3), draw.integers(1, 3)
        zeros = points(draw, 0, draw.integers(0, 2 * pairs + singles))
        made.append((with_mirrors(points(draw, pairs, singles)), zeros, float(draw.uniform(0.2, 3))))
    return made


def state_space(poles, zeros, gain):
    def polynomial(roots):
        return np.atleast_1d(np.real(np.poly([complex(*z) for z in roots])))

    return companion(polynomial(poles), gain * polynomial(zeros))


def test_magnitudes(javascript, systems):
    frequencies = np.linspace(0.01, np.pi, 160)
    found = javascript("maths", "decibels", [[*system, frequencies.tolist()] for system in systems])
    for one, system in zip(found, systems):
        H = analysis.frequency_response(*state_space(*system), frequencies)[:, 0, 0]
        np.testing.assert_allclose(one, 20 * np.log10(np.abs(H)), rtol=0, atol=1e-6)  # asked of the pages


def test_impulse_responses(javascript, systems):
    found = javascript("maths", "impulseResponse", [[*system, 48] for system in systems])
    agree(found, [analysis.impulse_response(*state_space(*system), 48)[:, 0, 0] for system in systems])


def test_residues(javascript, systems):
    found = javascript("maths", "residuesAt", systems)
    for one, (poles, zeros, gain) in zip(found, systems):
        p, z = (np.array([complex(*point) for point in part]) for part in (poles, zeros))
        others = [np.prod(x - np.delete(p, k)) for k, x in enumerate(p)]
        wanted = gain * np.array([np.prod(x - z) for x in p]) / others
        gaps = np.abs(p[:, None] - p)[~np.eye(len(p), dtype=bool)].min(initial=1.0)
        np.testing.assert_allclose(one @ np.array([1, 1j]), wanted, rtol=ALLOWED / min(1.0, gaps))


def networks(draw, hidden=3, scale=0.4):
    shapes = {"W": (hidden, hidden), "b": (hidden, 1), "c": (1, hidden)}
    return [{n: scale * draw.standard_normal(s) for n, s in shapes.items()} for _ in range(COUNT)]


def flat(params):
    return {name: params[name].ravel().tolist() for name in ("W", "b", "c")}


def near(found, wanted):
    """Largest distance from a point to the nearest wanted one, of the largest modulus."""
    z = np.array(found) @ np.array([1, 1j])
    assert z.shape == wanted.shape
    return np.abs(z[:, None] - wanted).min(axis=1).max(initial=0) / np.abs(wanted).max(initial=1e-300)


def test_poles_and_zeros_of_networks(javascript, draw):
    given = networks(draw)
    for one, params in zip(javascript("maths", "polesAndZeros", [[flat(p)] for p in given]), given):
        system = params["W"], params["b"], params["c"]
        assert near(one["poles"], analysis.poles(params["W"])) < ALLOWED
        zeros = analysis.zeros(*system)
        # A root is as exact as it is alone: two zeros that nearly meet lose half of the digits.
        alone = np.abs(np.subtract(*zeros[:2])) / np.abs(zeros).max() if len(zeros) > 1 else 1.0
        assert near(one["zeros"], zeros) < ALLOWED / min(1.0, alone)


def test_updates_of_the_trainer(chromium, lab, draw):
    task = TASKS["impulse"]((0.9, 0.3, -0.8), (0.3, 1.0, 0.25), steps=20)
    experiment = Experiment(task=task, network=NETWORKS["linear"](hidden=3, sigma0=0.01))
    target = np.asarray(task.response())[:, 0, 0].tolist()
    given = networks(draw)
    page = chromium.new_page()
    page.goto(lab.address)
    found = page.evaluate(
        """async ([systems, target]) => {
          const { trainingUpdate } = await import('/static/maths.js');
          return systems.map((weights) => [trainingUpdate(weights, target, 0.02), weights]);
        }""",
        [[flat(params) for params in given], target],
    )
    page.close()
    wanted = [analysis.gradient(experiment, params) for params in given]
    agree([[loss] for loss, _ in found], [[loss] for loss, _ in wanted])
    for name in ("W", "b", "c"):
        moved = [params[name] - 0.02 * slope[name] for params, (_, slope) in zip(given, wanted)]
        agree([weights[name] for _, weights in found], [new.ravel() for new in moved])


def test_two_thousand_updates_of_the_trainer(chromium, lab):
    task = TASKS["impulse"]((0.9, 0.3, -0.8), (0.3, 1.0, 0.25), steps=40)
    network = NETWORKS["linear"](hidden=3, sigma0=0.01)
    experiment = Experiment(task=task, network=network, optimiser=Optimiser(learning_rate=0.02))
    carry = begun(experiment, 0)
    page = chromium.new_page()
    page.goto(lab.address)
    found = page.evaluate(
        """async ([weights, target]) => {
          const { trainingUpdate } = await import('/static/maths.js');
          return Array.from({ length: 2000 }, () => trainingUpdate(weights, target, 0.02));
        }""",
        [flat(parameters(carry)), np.asarray(task.response())[:, 0, 0].tolist()],
    )
    page.close()
    np.testing.assert_allclose(found, further(experiment, carry, 2000)[1].loss[:2000], rtol=ALLOWED)


def test_profiled_losses(javascript, draw):
    given, wanted = [], []
    for _ in range(COUNT):
        p, poles, residues = draw.uniform(-0.9, 0.9), draw.uniform(-0.9, 0.9, 3), draw.standard_normal(3)
        both = [[[x, 0.0] for x in part.tolist()] for part in (poles, residues)]
        given.append([p, *both])
        wanted.append([theory.profiled_loss(np.array([p]), poles, residues)])
    found = javascript("maths", "profiledLoss", given)
    for one, other, (_, _, residues) in zip(found, wanted, given):
        # It is a difference: what counts is the size of the target, of which it may be a small part.
        assert abs(one - other[0]) <= ALLOWED * max(1.0, np.sum(np.square(residues)))


def test_the_flow_of_one_mode_and_where_it_ends(javascript, draw):
    given = [[t, [a, b]] for t, a, b in draw.uniform(-1, 1, (COUNT, 3)).tolist()]

    def velocity(target, state):
        return (target - state[0] * state[1]) * state[::-1]

    def path(target, start):
        states = [np.array(start)]
        for _ in range(50):
            x = states[-1]
            k1 = velocity(target, x)
            k2 = velocity(target, x + 0.01 * k1)
            k3 = velocity(target, x + 0.01 * k2)
            k4 = velocity(target, x + 0.02 * k3)
            states.append(x + 0.02 / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
        return np.array(states)

    found = javascript("flows", "modePath", [[*system, 0.02, 1.0] for system in given])
    agree([one["places"] for one in found], [path(*system) for system in given])
    for end, (target, (a, b)) in zip(javascript("flows", "modeEnd", given), given):
        assert end[0] * end[1] == pytest.approx(target, rel=ALLOWED)
        # The conserved difference is a difference of squares that may be large.
        assert end[0] ** 2 - end[1] ** 2 == pytest.approx(a * a - b * b, abs=ALLOWED * max(1, end[0] ** 2))


def test_the_loss_of_the_ghost_its_slope_and_its_descent(javascript, draw):
    T = draw.uniform(20, 200, COUNT)
    r = saddle_node.optimum(1.0) / T**2 * np.exp(draw.uniform(np.log(0.1), np.log(20), COUNT))
    given = np.stack([r, T], axis=1).tolist()
    agree(javascript("flows", "ghostLoss", given), [saddle_node.loss(*each) for each in given])
    agree(javascript("flows", "ghostSlope", given), [saddle_node.gradient(*each) for each in given])
    rates = [[t] for t in T.tolist()]
    wanted = [saddle_node.critical_learning_rate(t) for t in T]
    agree(javascript("flows", "ghostCriticalRate", rates), wanted)
    best = saddle_node.optimum(100.0)
    for rate, level, count in ((1e-10, 50, 1386), (1e-10, 5, 1536), (1e-9, 50, 140)):
        (path,) = javascript("flows", "ghostDescent", [[10 * best, rate, 100.0, 2000]])
        losses = np.array([float(saddle_node.loss(x, 100.0)) for x in path])
        assert int(np.argmax(losses < level)) == count  # reference values


def test_the_rank_of_the_weight_change(javascript, draw):
    nu = draw.uniform(0.02, 1.19, COUNT)
    found, wanted = javascript("flows", "rankState", nu[:, None].tolist()), exact_g0(nu)
    agree([one["output"] for one in found], wanted.output)
    entries = wanted.A[:, [0, 0, 1, 1], [0, 1, 0, 1]]
    for k in range(2):
        agree([one["singular"][k] for one in found], wanted.singular_values[:, k])
    for k in range(4):
        agree([one["entries"][k] for one in found], entries[:, k])


def test_the_learning_time_of_the_rank(javascript, draw):
    """The error falls e-fold in a time (1 - nu tanh nu)^4: nine Gauss nodes, bisection in place of Newton."""
    targets, steps = draw.uniform(0.25, 4, COUNT), 200
    flows = javascript("flows", "rankFlow", [[z, steps] for z in targets.tolist()])
    place, weight = np.polynomial.legendre.leggauss(9)
    width = np.log(1000) / steps
    folds = width * (np.arange(steps)[:, None] + 0.5 + 0.5 * place)
    outputs = targets[:, None, None] * -np.expm1(-folds)
    low, high = np.zeros_like(outputs), np.full_like(outputs, 1.1996)  # there nu tanh nu is 1
    for _ in range(60):
        nu = (low + high) / 2
        below = np.tanh(nu) < outputs * (1 - nu * np.tanh(nu))
        low, high = np.where(below, nu, low), np.where(below, high, nu)
    lasting = 0.5 * width * (weight * (1 - nu * np.tanh(nu)) ** 4).sum(axis=-1)
    agree([one["times"][1:] for one in flows], np.cumsum(lasting, axis=1))
    moments = targets[0] * -np.expm1(-width * np.arange(steps + 1))
    exact = linear_flow.solve(0.0, float(targets[0])).at_output(moments).learning_time
    # The library integrates the closure for any g, to the tolerance of its solver.
    np.testing.assert_allclose(flows[0]["times"], exact, rtol=1e-8, atol=1e-10)


RULE = {
    "bptt": (RULES["bptt"](), {}),
    "tbptt": (RULES["tbptt"](lag=1), {}),
    "rflo": (RULES["rflo"](), {"feedback", "decay"}),
}


@pytest.fixture
def modes(draw):
    """(a, b, w), (kappa, goal, decay, feedback)."""
    states = draw.uniform([-1.5, -1.5, -0.9], [1.5, 1.5, 0.9], (COUNT, 3)).tolist()
    settings = draw.uniform([0.1, -0.9, 0, -1], [1, 0.9, 0.9, 1], (COUNT, 4)).tolist()
    return states, [dict(zip(("kappa", "goal", "decay", "feedback"), each)) for each in settings]


@pytest.mark.parametrize("name", RULE)
def test_the_flow_of_a_rule_and_what_it_conserves(chromium, lab, modes, name):
    page = chromium.new_page()
    page.goto(lab.address)
    found = page.evaluate(
        """async ([rule, states, settings]) => {
          const { ruleVelocity, ruleInvariant } = await import('/static/flows.js');
          return states.map((state, i) =>
            [ruleVelocity(rule, settings[i])(state), ruleInvariant(rule, settings[i], state)]);
        }""",
        [name, *modes],
    )
    page.close()
    rule, needed = RULE[name]
    flows, constants = [], []
    for state, given in zip(*modes):
        more = {key: given[key] for key in needed}
        teacher = given["kappa"], 1.0, given["goal"]
        flows.append(theory.mode_flow(rule, *state, *teacher, **more))
        constants.append(theory.mode_invariant(rule, *state, *teacher, **more))
    agree([flow for flow, _ in found], flows)
    for (_, one), other in zip(found, constants):
        assert one == pytest.approx(float(other), rel=ALLOWED, abs=ALLOWED)


def test_the_loss_of_a_mode_is_that_of_its_impulse_response(javascript, modes):
    s = np.arange(400)
    for one, (a, b, w), given in zip(
        javascript("flows", "ruleLoss", [[g, m] for m, g in zip(*modes)]), *modes
    ):
        error = a * b * w**s - given["kappa"] * given["goal"] ** s
        assert one == pytest.approx(0.5 * error @ error, rel=ALLOWED, abs=ALLOWED)


def test_the_stability_of_rflo(javascript, modes, draw):
    places = draw.uniform(0.1, 1.5, COUNT) * draw.choice([-1, 1], COUNT)
    found = javascript("flows", "rfloSlopes", [[g, s] for g, s in zip(modes[1], places.tolist())])
    wanted = [
        theory.trace_and_determinant(
            RULES["rflo"](), s, g["kappa"], 1.0, g["goal"], g["feedback"], g["decay"]
        )
        for g, s in zip(modes[1], places)
    ]
    agree(found, wanted)
