"""Pages 1 to 3: poles and zeros, the residue, the saddle. Their mathematics is closed form and runs in the
browser."""

from stepwell.lab.page import Number, Page, Points, Switch

POLES = Page(
    slug="poles",
    link="Poles",
    title="Poles and zeros",
    source="essay2026, section 3",
    claim="A few points in the plane are the whole input-output map of a linear network.",
    condition="One input, one output. Points off the real axis come in mirrored pairs, since the weights "
    "are real.",
    look=(
        "Near the unit circle a pole makes a peak: the response is loudest at the pole's own angle.",
        "The impulse response rings at that angle and dies out with the pole's modulus; beyond 1 it grows "
        "for ever.",
        "A zero on top of a pole silences it: the bar beside the pole, its $|r_k|$, shrinks to nothing.",
    ),
    formula=(
        r"H(z)=K\,\frac{\prod_j(z-\zeta_j)}{\prod_k(z-p_k)}=\sum_k\frac{r_k}{z-p_k}",
        r"g_s=\sum_k r_k\,p_k^{\,s}",
    ),
    settings={
        "poles": Points(label="poles", default=((0.75, 0.45),), least=1, most=4, reach=1.2),
        "zeros": Points(label="zeros", default=((0.3, 0.0),), most=4, reach=20.0),
        "gain": Number(label="gain K", default=1.0, low=-10.0, high=10.0),
        "log_frequency": Switch(label="logarithmic frequency", default=False, more=True),
        "python": Switch(label="compute in Python", default=False, more=True),
    },
    presets={
        "resonance": {"poles": ((0.75, 0.45),), "zeros": ((0.3, 0.0),), "gain": 1.0},
        "one decay": {"poles": ((0.8, 0.0),), "zeros": (), "gain": 1.0},
        "cancelled pair": {
            "poles": ((0.55, 0.7), (0.6, 0.0)),
            "zeros": ((0.55, 0.7),),
            "gain": 1.0,
        },
        "a pole that holds a bit": {"poles": ((0.99, 0.0), (0.2, 0.0)), "zeros": ((0.5, 0.0),), "gain": 1.0},
    },
    python="""\
import numpy as np

poles, zeros, gain = np.array({poles}), np.array({zeros}), {gain}
numerator, denominator = gain * np.atleast_1d(np.poly(zeros)), np.poly(poles)
n = len(poles)
W = np.diag(np.ones(n - 1), -1)
W[0] = -denominator[1:].real
b, c = np.eye(n)[:, :1], np.pad(numerator.real, (n - len(numerator), 0))[None, :]

from stepwell import analysis
print(analysis.impulse_response(W, b, c, steps=48)[:, 0, 0])
print(20 * np.log10(np.abs(analysis.frequency_response(W, b, c, np.linspace(0, np.pi, 160))[:, 0, 0])))
""",
    engine="stepwell.lab.response:Response",
    picture="The complex plane with poles and zeros, beside the frequency response and the impulse response.",
)

RESIDUE = Page(
    slug="residue",
    link="Residue",
    title="The residue is a volume knob",
    source="essay2026, section 4",
    claim="On top of a pole a zero silences it; the loudness grows in proportion to the distance.",
    condition="In proportion for small distances: the second factor of the residue bends the line, by an "
    "amount that "
    "depends on the direction.",
    look=(
        r"At $\delta=0$ the resonance is gone, though the pole is still there: only the background is left.",
        r"In double logarithmic axes $|r|$ against $\delta$ is a straight line of slope 1.",
        "Turn the ring: another direction bends the line elsewhere, but starts with the same slope.",
    ),
    formula=(
        r"r=K\,\frac{\delta e^{i\varphi}\,(p-\bar p+\delta e^{-i\varphi})}{(p-\bar p)(p-p_0)}",
        r"|r|\to\frac{K\,\delta}{|p-p_0|}\quad\text{as }\delta\to0",
    ),
    settings={
        "delta": Number(label="distance δ", default=0.1, low=0.0, high=0.5),
        "angle": Number(label="direction φ", default=0.9, low=-3.15, high=3.15),
    },
    presets={
        "silent": {"delta": 0.0, "angle": 0.9},
        "loud": {"delta": 0.4, "angle": 0.9},
        "sideways": {"delta": 0.1, "angle": 2.47},
    },
    python="""\
import numpy as np
from stepwell import analysis
from stepwell.network.linear import realisation

delta, angle = {delta}, {angle}
p, background = 0.9 * np.exp(0.9j), 0.6
zeros = [p - delta * np.exp(1j * angle), np.conj(p - delta * np.exp(1j * angle))]
poles = np.array([p, np.conj(p), background])
residues = [np.prod(q - zeros) / np.prod(q - poles[poles != q]) for q in poles]
print(abs(residues[0]))
print(analysis.frequency_response(*realisation(poles, residues), [0.9]))
""",
    picture="The plane with a pole pair and a zero pair a small distance away, the frequency response, and "
    "the residue "
    "against the distance.",
)

SADDLE = Page(
    slug="saddle",
    link="Saddle",
    title="Cancellation is a saddle",
    source="essay2026, section 5",
    claim="Where input and readout of a mode are both zero, the loss is flat but not lowest.",
    condition=r"The eigenvalues $\pm r^*$ are those of a mode of unit norm. For a mode of the network the "
    r"block is $\pm J$ "
    r"with $J=\sum_s p^s e_s$, and the full network escapes faster than that.",
    look=(
        "The ball rolls towards the saddle, nearly stops, and leaves along the diagonal: a plateau, then a "
        "cliff.",
        r"Start closer to the saddle, and the plateau lasts longer, by the same time for each factor.",
        r"Start exactly on $\alpha=-\beta$, and the ball ends in the saddle for ever.",
    ),
    formula=(
        r"\mathcal L=\tfrac12\,(r^*-\alpha\beta)^2",
        r"\dot\alpha=(r^*-\alpha\beta)\,\beta,\quad\dot\beta=(r^*-\alpha\beta)\,\alpha,\quad\alpha^2-\beta^2=\text{const}",
    ),
    settings={
        "target": Number(label="target residue r*", default=1.0, low=-1.0, high=1.0),
        "alpha": Number(label="readout α", default=0.1, low=-1.5, high=1.5),
        "beta": Number(label="input β", default=0.05, low=-1.5, high=1.5),
    },
    presets={
        "a short plateau": {"target": 1.0, "alpha": 0.1, "beta": 0.05},
        "a long plateau": {"target": 1.0, "alpha": 0.001, "beta": 0.0005},
        "past the saddle": {"target": 1.0, "alpha": -1.1, "beta": 1.06},
        "into the saddle": {"target": 1.0, "alpha": -0.9, "beta": 0.9},
        "negative target": {"target": -1.0, "alpha": 0.1, "beta": 0.05},
    },
    python="""\
import numpy as np
from scipy.integrate import solve_ivp

target, start = {target}, [{alpha}, {beta}]
flow = solve_ivp(lambda t, x: (target - x[0] * x[1]) * x[::-1], (0, 40), start, rtol=1e-9, atol=1e-12)
print(flow.y[:, -1])
""",
    picture="The loss over readout and input of one mode as a map, with the path of a ball that rolls down; "
    "beside it the "
    "loss against time.",
)

TRANSFER_PAGES = (POLES, RESIDUE, SADDLE)
