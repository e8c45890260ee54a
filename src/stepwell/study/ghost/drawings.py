def fields(runs, predicted, ax):
    return ax


def abruptness(runs, predicted, ax):
    return ax


def shoulder(runs, predicted, ax):
    return ax


def slide(runs, predicted, ax):
    return ax


def edge(runs, predicted, ax):
    return ax


def long_edge(runs, predicted, ax):
    return ax


def passages(runs, predicted, ax):
    return ax


def order(runs, predicted, ax):
    return ax


def saddle_node(runs, predicted, ax):
    return ax


def collapse(runs, predicted, ax):
    return ax


def zone_population(runs, predicted, ax):
    return ax


def recovery(runs, predicted, ax):
    return ax


def remedies(runs, predicted, ax):
    return ax


def rate_times_drop(runs, predicted, ax):
    return ax


def rate_window(runs, predicted, ax):
    return ax


def ranks(runs, predicted, ax):
    return ax


def full_rank(runs, predicted, ax):
    return ax


def delay_law(runs, predicted, ax):
    return ax


