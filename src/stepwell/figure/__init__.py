"""Figures: a record or arrays and axes in, the axes out, all in one palette."""

from matplotlib.figure import Figure

from stepwell.figure.axes import (
    band,
    columns,
    end_labels,
    key_above,
    key_beside,
    log_ticks,
    plain,
    power_of_ten,
)
from stepwell.figure.curves import lines, residues_through_time, staircase, weight_norms
from stepwell.figure.inspection import (
    activity_plane,
    change_through_time,
    noisy_loss,
    poles_of_points,
    rests_through_training,
)
from stepwell.figure.landscape import heat_map, two_pole_landscape
from stepwell.figure.laws import agreement, dwell_times, forest, power_laws, rivals
from stepwell.figure.plane import collision, eigenvalues, poles_in_plane, poles_through_time, sign_flip
from stepwell.figure.portrait import line_field, one_pole_landscape, plane_field
from stepwell.figure.spectrum import gain, hessian_spectra, singular_values
from stepwell.figure.style import (
    adaptive_svg,
    colour,
    css_variables,
    mode_colour,
    rule_line,
    styled,
    time_colours,
    time_ramp,
)

__all__ = [
    "Figure",
    "activity_plane",
    "adaptive_svg",
    "agreement",
    "band",
    "change_through_time",
    "collision",
    "colour",
    "css_variables",
    "dwell_times",
    "eigenvalues",
    "end_labels",
    "forest",
    "gain",
    "heat_map",
    "hessian_spectra",
    "columns",
    "key_above",
    "key_beside",
    "line_field",
    "lines",
    "log_ticks",
    "mode_colour",
    "noisy_loss",
    "one_pole_landscape",
    "plain",
    "plane_field",
    "poles_in_plane",
    "poles_of_points",
    "poles_through_time",
    "power_laws",
    "power_of_ten",
    "residues_through_time",
    "rests_through_training",
    "rivals",
    "rule_line",
    "sign_flip",
    "singular_values",
    "staircase",
    "styled",
    "time_colours",
    "time_ramp",
    "two_pole_landscape",
    "weight_norms",
]
