"""What computes for the pages: the reference values of each, and agreement with formulas written out here."""

import numpy as np
import pytest

from stepwell import analysis, theory
from stepwell.lab import PAGES
from stepwell.lab.weight_change import recorded_tasks


def run(engine, pieces):
    """The frames of a run in pieces, the first one included."""
    state, frame = engine.begin()
    frames = [frame]
    for piece in pieces:
        state, frame = engine.advance(state, piece)
        frames.append(frame)
    return frames


def events(frames, start):
    return [event for frame in frames for event in frame.events if event.name.startswith(start)]


@pytest.fixture(scope="module")
def staircase():
    return run(PAGES["training"].build({}), [10] * 360)


def test_page_1_gives_the_response_of_the_default_points():
    scene = PAGES["poles"].build({}).scene()
    np.testing.assert_allclose(scene["impulse"][:4], [1, 1.2, 1.035, 0.6345], rtol=1e-12)
    # The polynomials evaluated on the circle, without a system.
    z = np.exp(1j * np.linspace(0, np.pi, 160))
    H = (z - 0.3) / ((z - 0.75 - 0.45j) * (z - 0.75 + 0.45j))
    np.testing.assert_allclose(scene["decibel"], 20 * np.log10(abs(H)), atol=1e-10)


def test_page_1_refuses_as_many_zeros_as_poles():
    with pytest.raises(ValueError, match="at most 1 fit"):
        PAGES["poles"].build({"zeros": ((0.1, 0.0), (0.2, 0.0))}).scene()


def test_the_default_target_has_the_losses_of_its_reference_table(staircase):
    scene = PAGES["training"].build({}).scene()
    assert 0.5 * np.sum(scene["impulse"] ** 2) == pytest.approx(1.529222838, abs=1e-8)  # digits of the table
    ((_, levels),) = ((name, f()) for name, f in PAGES["training"].build({}).slow())
    # The table is for a horizon of 40, theory for an infinite one: 3e-4 and 1e-3 apart.
    assert [level["loss"][0] for level in levels[1:]] == pytest.approx([0.1730822, 0.0423145], rel=1.5e-3)


def test_modes_separate_one_by_one_where_the_loss_falls(staircase):
    found = events(staircase, "separates")
    assert [event.name for event in found] == ["separates1", "separates2", "separates3"]
    losses = np.array([frame.picture["loss"][-1] for frame in staircase])
    levels = [theory.best_poles([0.9, 0.3, -0.8], [0.3, 1, 0.25], k).loss for k in range(3)] + [1e-6]
    cliffs = [
        analysis.crossing(losses, np.arange(len(losses)) * 10.0, float(np.sqrt(a * b)))
        for a, b in zip(levels, levels[1:])
    ]
    # Half of a mode's final activity is reached on its cliff; the last one is long (1980 to 2132 in the
    # table).
    np.testing.assert_allclose([event.update for event in found], cliffs, rtol=0.25)


def test_the_run_ends_on_the_target(staircase):
    poles = np.sort_complex(np.asarray(staircase[-1].picture["poles"]))
    np.testing.assert_allclose(poles, [-0.8, 0.3, 0.9], atol=1e-3)
    np.testing.assert_allclose(
        staircase[-1].picture["impulse"], PAGES["training"].build({}).scene()["impulse"], atol=1e-3
    )


def test_the_bound_on_the_learning_rate_is_that_of_the_solution(staircase):
    assert staircase[-1].picture["bound"] == pytest.approx(2 / 29.7, rel=0.02)  # three digits of the table


def test_a_learning_rate_far_too_large_ends_in_words_and_without_numbers():
    frames = run(PAGES["training"].build({"learning_rate": 0.1, "sigma0": 0.5, "seed": 1}), [200] * 3)
    assert frames[-1].done in ("diverged", None)
    wild = PAGES["training"].build(
        {"learning_rate": 0.1, "sigma0": 0.5, "poles": ((0.99, 0.0),), "residues": (3.0,)}
    )
    frames = run(wild, [100] * 5)
    assert any(frame.done == "diverged" for frame in frames)
    assert events(frames, "fast")


def test_other_rules_stream_and_tbptt_stands_on_its_stair():
    engine = PAGES["training"].build({"rule": "tbptt", "sigma0": 1e-3})
    loss = run(engine, [1000, 1000])[-1].picture["loss"][-1]
    assert loss == pytest.approx(0.19143, rel=0.01)  # the stair of a decay of 0
    for rule in ("eprop", "rflo", "rflo3"):
        assert run(PAGES["training"].build({"rule": rule}), [5])[-1].picture["update"] == 5


def test_a_complex_target_keeps_its_mirror_and_starts_with_a_real_pole():
    page = PAGES["training"]
    engine = page.build(page.checked(page.presets["oscillation"]))
    assert len(engine.scene()["poles"]) == 3
    frames = run(engine, [210])
    assert np.isreal(np.asarray(frames[-1].picture["poles"])[0])


def test_plateaus_predict_rates_and_the_map_is_the_profiled_loss():
    results = {name: f() for name, f in PAGES["plateaus"].build({}).slow()}
    np.testing.assert_allclose(
        results["staircase"]["rates"], [1.55, 0.6963, 0.1759], rtol=2e-3
    )  # digits printed
    pair = np.linspace(-0.99, 0.99, 101)[[30, 80]]
    G = 1 / (1 - pair[:, None] * pair)
    d = np.array([sum(r / (1 - p * q) for p, r in zip([0.9, 0.3, -0.8], [0.3, 1, 0.25])) for q in pair])
    norm = sum(
        r * s / (1 - p * q)
        for p, r in zip([0.9, 0.3, -0.8], [0.3, 1, 0.25])
        for q, s in zip([0.9, 0.3, -0.8], [0.3, 1, 0.25])
    )
    expected = 0.5 * (norm - d @ np.linalg.solve(G, d))
    assert results["map"][80, 30] == pytest.approx(expected, rel=1e-9)


def test_dwell_times_follow_the_predicted_slopes():
    results = [(name, f()) for name, f in PAGES["dwell"].build({}).slow()]
    assert [name for name, _ in results] == ["prediction", *["run"] * 6, "slopes"]
    # The measured slopes of the table lie within 3 per cent of the predicted ones; another seed within 6.
    np.testing.assert_allclose(results[-1][1], results[0][1]["slopes"], rtol=0.06)


def test_page_7_at_high_confidence_is_the_sharp_limit():
    scene = PAGES["ghost"].build({"confidence": 9.0}).scene()
    far = (scene["ratio"] > 0.3) & (abs(np.log(scene["ratio"])) > 0.3)
    sharp = abs(100 - 100 / np.sqrt(scene["ratio"]))
    # A threshold of 10 is passed 0.1 before infinity is, of 100.
    np.testing.assert_allclose(scene["loss_curve"][far], sharp[far], atol=0.25)


def test_the_field_of_page_8_is_the_formula_and_its_points_are_rests():
    frame = run(PAGES["latent"].build({}), [3])[-1].picture
    places = PAGES["latent"].build({}).scene()["places"]
    (rest,) = frame["points"]
    assert rest["kind"] == "fixed" and rest["stable"]
    assert np.interp(rest["at"], places, frame["field"]) == pytest.approx(0, abs=1e-3)  # grid of 1/8
    assert np.sign(frame["field"][0]) == 1 and np.sign(frame["field"][-1]) == -1
    assert len(frame["output"]) == 40 and frame["loss"][-1] == pytest.approx(1, abs=1e-3)


def test_page_9_without_random_weights_is_the_closed_form():
    scene = PAGES["rank"].build({"target": 2.0, "g": 0.0}).scene()
    # At 0.999 of the target the nuclear norm is 0.8977; its singular values are those of the table to 3e-4.
    np.testing.assert_allclose(scene["singular"][-1], [0.851047, 0.046938], rtol=1e-3)
    t = np.tanh(0.5)
    nu = np.interp(t / (1 - 0.5 * t), scene["outputs"], scene["singular"].sum(axis=1))
    assert nu == pytest.approx(0.5, abs=5e-4)  # linear interpolation on 200 intervals


def test_the_recorded_tasks_are_small_and_say_what_they_should():
    tasks = recorded_tasks()
    assert list(tasks) == ["flipflop", "mante", "romo"]
    for runs in tasks.values():
        for entry in runs:
            assert len(entry["truncated"]) == len(entry["outputs"]) == 26 and len(entry["singular"]) == 11
            assert entry["truncated"][0] <= 4 and entry["truncated"][-1] < 0.1
    bare, random = tasks["flipflop"]
    assert bare["functional"] == [2, 2] and 3 <= random["functional"][0] <= 7
    assert random["norm"] < bare["norm"] and random["norm"] < 0.1 * random["initial_norm"]
    assert random["shuffled"] > 0.5


def test_fixed_feedback_changes_as_many_directions_as_there_are_outputs():
    frame = run(PAGES["rule-rank"].build({"outputs": "2"}), [60])[-1].picture
    assert frame["ranks"]["rflo"] == 2 and frame["ranks"]["bptt"] >= 20
    loud = {rule: int(np.sum(values > 1e-2 * values[0])) for rule, values in frame["values"].items()}
    assert loud["rflo"] <= loud["tbptt"] <= loud["eprop"] + 1 <= loud["bptt"]
