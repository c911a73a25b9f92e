"""What was probably asked for on a day on which an item ran out: its sales are the least that it can have been."""

from dataclasses import dataclass

import numpy as np

from forecasting.engine.panel import Array

_MIN_MEAN, _MIN_DISPERSION = 0.01, 1.1
_HARDLY_POSSIBLE = 1e-12  # below this probability a ratio of probabilities is rounding noise
_LEAST_SHARE = 0.1  # of a day: what was sold in less of it says next to nothing about the rest
_ROUTINE = 0.5  # share of its days on which an item runs out: from there on the marks are believed less and less


@dataclass(frozen=True)
class Demand:
    """(n,) each: the mean of what was asked for, in units, and its mean squared distance from what was expected."""

    mean: Array
    squared_error: Array


def demand(sold: Array, expected: Array, dispersion: Array, share: Array) -> Demand:
    """Demand given the sales until an item ran out; arrays (n,).

    Demand is a negative binomial with mean `expected` and variance `dispersion` × mean. `share` is the part of a usual
    day's sales that is made by the hour at which the item ran out, NaN where the hour is not known; under a tenth, it
    counts as not known.
    """
    mean = np.maximum(expected, _MIN_MEAN)
    spread = np.maximum(dispersion, _MIN_DISPERSION)
    least = _at_least(sold, mean, spread)
    until = _after_the_share(sold, mean, spread, np.clip(np.nan_to_num(share), 0, 1))
    timed = share >= _LEAST_SHARE
    return Demand(
        np.where(timed, until.mean, least.mean), np.where(timed, until.squared_error, least.squared_error)
    )  # fmt: skip


def believed(asked: Demand, sold: Array, usual: Array, ordinary: Array, often: Array, share: Array) -> Demand:
    """It within bounds that hold however long an item is marked; arrays (n,).

    `ordinary`: units expected from days on which the item did not run out, NaN where there was none. What was missed is
    at most one such day. `often`: the recent share of days on which it ran out. Beyond half of them what was missed
    fades where the item was sold and the hour is not known: a mark that nobody takes back would otherwise raise the
    demand from which the next day's is estimated. `usual`: units that the squared error is measured from.
    """
    day = np.where(np.isnan(ordinary), sold, ordinary)
    trust = np.where((share >= _LEAST_SHARE) | (sold == 0), 1.0, np.clip((1 - often) / (1 - _ROUTINE), 0, 1))
    mean = np.minimum(sold + trust * (asked.mean - sold), np.maximum(sold, day) + day)
    as_sold = (mean - usual) ** 2
    return Demand(mean, np.where(mean < asked.mean, np.minimum(asked.squared_error, as_sold), asked.squared_error))


def _at_least(sold: Array, mean: Array, dispersion: Array) -> Demand:
    """Moments of a negative binomial X known to be X ≥ sold.

    From E[X (X − 1) … (X − k + 1); X ≥ s] = its unconditional value × P(X' ≥ s − k), where X' has k more successes.
    """
    size = mean / (dispersion - 1)
    reach = _tail(sold, size, dispersion)
    possible = reach > _HARDLY_POSSIBLE
    safe = np.where(possible, reach, 1.0)
    first = np.where(possible, mean * _tail(sold - 1, size + 1, dispersion) / safe, sold + dispersion)
    second = mean * (mean + dispersion - 1) * _tail(sold - 2, size + 2, dispersion) / safe
    squared = np.where(possible, second + first - 2 * mean * first + mean**2, (first - mean) ** 2)
    return Demand(np.maximum(first, sold), np.maximum(squared, 0))


def _tail(units: Array, size: Array, dispersion: Array) -> Array:
    """P(X ≥ units) of a negative binomial with `size` successes, each of probability 1 / dispersion."""
    from scipy.special import betainc

    return np.where(units <= 0, 1.0, betainc(np.maximum(units, 1e-9), size, 1 - 1 / dispersion))


def _after_the_share(sold: Array, mean: Array, dispersion: Array, share: Array) -> Demand:
    """What was sold in the first `share` of the day, and for the rest of it what this says about the day's rate.

    A negative binomial is a Poisson whose rate is drawn from a gamma distribution: the sales up to the hour sharpen
    that rate (Gelman et al., Bayesian Data Analysis, section 2.6). With wide spread this tends to sold / share.
    """
    size = mean / (dispersion - 1)
    seen = size / mean + share
    rest = (1 - share) * (size + sold) / seen
    total = sold + rest
    return Demand(total, (total - mean) ** 2 + rest * (1 + (1 - share) / seen))
