"""What must happen: predictions from the settings alone."""

from stepwell.rule.aligned_modes import mode_loss
from stepwell.rule.population import population_update
from stepwell.theory import linear_flow, saddle_node
from stepwell.theory.best_approximation import BestModels, best_poles
from stepwell.theory.best_systems import BestSystems, SystemModel, best_models
from stepwell.theory.early_learning import departure_time, early_cosine
from stepwell.theory.escape import (
    Staircase,
    dwell_time,
    escape_rate,
    largest_learning_rate,
    plateau_error_exponent,
    staircase,
    update_lag,
)
from stepwell.theory.exact_loss import impulse_loss, impulse_loss_gradient, impulse_loss_hessian
from stepwell.theory.input_band import band_coupling
from stepwell.theory.local_stairs import RestingModel, resting_models, stairs
from stepwell.theory.many_channels import FirstPlateaus, first_plateaus
from stepwell.theory.mode_dynamics import mode_flow, mode_jacobian
from stepwell.theory.mode_invariants import ModeEnd, matrix_invariant, mode_end, mode_invariant
from stepwell.theory.mode_stability import (
    HopfPoint,
    equal_rate,
    fold_point,
    hopf_point,
    line_rate,
    mode_rates,
    stable_window,
    trace_and_determinant,
)
from stepwell.theory.model import Model
from stepwell.theory.one_output import LocalRuleLevel, local_rule_level
from stepwell.theory.one_pole import FirstDrop, first_drop, one_pole_minima, reached_one_pole
from stepwell.theory.origin import flip_time, leading_gradient, pole_per_residue
from stepwell.theory.profiled import profiled_gradient, profiled_loss, profiled_residues
from stepwell.theory.reached_models import reach_is_certified, reached_poles
from stepwell.theory.rivals import rival_models
from stepwell.theory.saddles import (
    active_curvatures,
    expansion_matrix,
    hessian_counts,
    mode_coupling,
    saddle,
    silent_weight_ratio,
)

__all__ = [
    "BestModels",
    "BestSystems",
    "FirstDrop",
    "FirstPlateaus",
    "HopfPoint",
    "LocalRuleLevel",
    "ModeEnd",
    "Model",
    "RestingModel",
    "Staircase",
    "SystemModel",
    "active_curvatures",
    "band_coupling",
    "best_models",
    "best_poles",
    "departure_time",
    "dwell_time",
    "early_cosine",
    "equal_rate",
    "escape_rate",
    "expansion_matrix",
    "first_drop",
    "first_plateaus",
    "flip_time",
    "fold_point",
    "hessian_counts",
    "hopf_point",
    "impulse_loss",
    "impulse_loss_gradient",
    "impulse_loss_hessian",
    "largest_learning_rate",
    "leading_gradient",
    "line_rate",
    "linear_flow",
    "local_rule_level",
    "matrix_invariant",
    "mode_coupling",
    "mode_end",
    "mode_flow",
    "mode_invariant",
    "mode_jacobian",
    "mode_loss",
    "mode_rates",
    "one_pole_minima",
    "plateau_error_exponent",
    "pole_per_residue",
    "population_update",
    "profiled_gradient",
    "profiled_loss",
    "profiled_residues",
    "reach_is_certified",
    "reached_one_pole",
    "reached_poles",
    "resting_models",
    "rival_models",
    "saddle",
    "saddle_node",
    "silent_weight_ratio",
    "stable_window",
    "staircase",
    "stairs",
    "trace_and_determinant",
    "update_lag",
]
