"""What a record shows: measured quantities, which never see a prediction."""

from stepwell.analysis.activity import PrincipalComponents, principal_components, states
from stepwell.analysis.aligned_modes import Modes, mode_alignment, mode_readout
from stepwell.analysis.branches import Collision, collisions, pole_branches
from stepwell.analysis.landscape import gradient, hessian, hessian_spectrum, index
from stepwell.analysis.learning_curve import learning_epoch, roughness
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
from stepwell.analysis.truncation import (
    functional_rank,
    shuffled_loss,
    truncated,
    truncated_loss,
)
from stepwell.analysis.weight_change import (
    alignment,
    direction_angle,
    direction_cosine,
    eigenvalue_outliers,
    factor_singular_values,
    feedback_residual,
    gap_index,
    numerical_rank,
    participation_ratio,
    singular_values,
    variance_explained,
)
from stepwell.network.linear import conserved

__all__ = [
    "Collision",
    "Modes",
    "Plateau",
    "PrincipalComponents",
    "alignment",
    "collisions",
    "conserved",
    "crossing",
    "direction_angle",
    "direction_cosine",
    "eigenvalue_outliers",
    "factor_singular_values",
    "feedback_residual",
    "frequency_response",
    "functional_rank",
    "gap_index",
    "gradient",
    "hankel_singular_values",
    "hessian",
    "hessian_spectrum",
    "impulse_response",
    "index",
    "laurent",
    "learning_epoch",
    "matched",
    "mode_alignment",
    "mode_norms",
    "mode_readout",
    "numerical_rank",
    "pair_gaps",
    "participation_ratio",
    "plateaus",
    "pole_branches",
    "poles",
    "principal_components",
    "residues",
    "roughness",
    "shuffled_loss",
    "singular_values",
    "states",
    "transitions",
    "truncated",
    "truncated_loss",
    "variance_explained",
    "zeros",
]
