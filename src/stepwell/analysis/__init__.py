"""What a record shows: measured quantities, which never see a prediction."""

from stepwell.analysis.branches import Collision, collisions, pole_branches
from stepwell.analysis.landscape import gradient, hessian, hessian_spectrum, index
from stepwell.analysis.plateau_detection import Plateau, crossing, matched, plateaus, transitions
from stepwell.analysis.transfer import (
    frequency_response,
    hankel_singular_values,
    impulse_response,
    laurent,
    mode_norms,
    pair_gaps,
    poles,
    residues,
    zeros,
)
from stepwell.network.linear import conserved

__all__ = [
    "Collision",
    "Plateau",
    "collisions",
    "conserved",
    "crossing",
    "frequency_response",
    "gradient",
    "hankel_singular_values",
    "hessian",
    "hessian_spectrum",
    "impulse_response",
    "index",
    "laurent",
    "matched",
    "mode_norms",
    "pair_gaps",
    "plateaus",
    "pole_branches",
    "poles",
    "residues",
    "transitions",
    "zeros",
]
