"""What a record shows: measured quantities, which never see a prediction."""

from stepwell.analysis.abrupt_learning import (
    abruptness,
    drop,
    escape,
    in_no_learning_zone,
    onset,
    oscillating,
)
from stepwell.analysis.activity import PrincipalComponents, principal_components, states
from stepwell.analysis.aligned_modes import Modes, mode_alignment, mode_readout
from stepwell.analysis.bottleneck import NormalForm, exact_passage, normal_form, partial_passage
from stepwell.analysis.branches import Collision, collisions, pole_branches
from stepwell.analysis.fields import LatentField, NetworkField, latent_field, lifted, network_field
from stepwell.analysis.landscape import gradient, hessian, hessian_spectrum, index
from stepwell.analysis.learning_curve import learning_epoch, roughness
from stepwell.analysis.plateau_detection import Plateau, crossing, matched, plateaus, transitions
from stepwell.analysis.rest_points import RestPoint, fixed_points
from stepwell.analysis.saddle_nodes import (
    Census,
    SaddleNode,
    Sighting,
    census,
    recorded_points,
    saddle_node_events,
)
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
    "Census",
    "Collision",
    "LatentField",
    "Modes",
    "NetworkField",
    "NormalForm",
    "Plateau",
    "PrincipalComponents",
    "RestPoint",
    "SaddleNode",
    "Sighting",
    "abruptness",
    "alignment",
    "census",
    "collisions",
    "conserved",
    "crossing",
    "direction_angle",
    "direction_cosine",
    "drop",
    "eigenvalue_outliers",
    "escape",
    "exact_passage",
    "factor_singular_values",
    "feedback_residual",
    "fixed_points",
    "frequency_response",
    "functional_rank",
    "gap_index",
    "gradient",
    "hankel_singular_values",
    "hessian",
    "hessian_spectrum",
    "impulse_response",
    "in_no_learning_zone",
    "index",
    "latent_field",
    "laurent",
    "learning_epoch",
    "lifted",
    "matched",
    "mode_alignment",
    "mode_norms",
    "mode_readout",
    "network_field",
    "normal_form",
    "numerical_rank",
    "onset",
    "oscillating",
    "pair_gaps",
    "partial_passage",
    "participation_ratio",
    "plateaus",
    "pole_branches",
    "poles",
    "principal_components",
    "recorded_points",
    "residues",
    "roughness",
    "saddle_node_events",
    "shuffled_loss",
    "singular_values",
    "states",
    "transitions",
    "truncated",
    "truncated_loss",
    "variance_explained",
    "zeros",
]
