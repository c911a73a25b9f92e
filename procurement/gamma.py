"""The gamma distribution's quantile, from a mean and a variance, with the standard library alone.

The need for an ingredient over several days is a sum of many portions times fixed amounts: positive, skewed to the
right, without a whole number to it. A gamma distribution with the same mean and variance is such a thing.
"""

import math
from statistics import NormalDist

_NEARLY_NORMAL = 1e6  # from this shape on Wilson and Hilferty's approximation is closer than we can compute
_NEARLY_NEVER = 1e-5  # below this shape every quantile that anybody asks for underflows to 0
_CERTAIN = 1e-9  # a deviation below this share of the mean is none; the shape of a smaller one overflows
_LEADING_TERM = 1e-10  # below this the first term of the series is the whole of it
_STEPS = 200
_PRECISION = 1e-12


def quantile(level: float, mean: float, variance: float) -> float:
    """The amount that the demand stays at or below with probability `level` (0 < level < 1)."""
    if mean <= 0:
        return 0.0
    if math.sqrt(max(variance, 0.0)) <= _CERTAIN * mean:
        return mean
    shape = mean * mean / variance
    if shape < _NEARLY_NEVER:
        return 0.0
    return _standard_quantile(level, shape) * variance / mean


def cumulative(x: float, shape: float) -> float:
    """P(X ≤ x) of a gamma distribution with scale 1: the regularised lower incomplete gamma function."""
    if x <= 0:
        return 0.0
    weight = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    return weight * _series(x, shape) if x < shape + 1 else 1.0 - weight * _fraction(x, shape)


def _standard_quantile(level: float, shape: float) -> float:
    guess = _first_guess(level, shape)
    if shape >= _NEARLY_NORMAL or guess < _LEADING_TERM:
        return guess
    low, high = 0.0, math.inf
    for _ in range(_STEPS):
        error = cumulative(guess, shape) - level
        low, high = (low, guess) if error > 0 else (guess, high)
        density = math.exp((shape - 1) * math.log(guess) - guess - math.lgamma(shape))
        newton = guess - error / density if density > 0 else math.inf
        inside = low < newton < high
        following = newton if inside else (2 * guess if math.isinf(high) else (low + high) / 2)
        if abs(following - guess) <= _PRECISION * guess:
            return following
        guess = following
    return guess


def _first_guess(level: float, shape: float) -> float:
    """Wilson and Hilferty's cube for a large shape, the leading term of the series for a small one."""
    cube = 1 - 1 / (9 * shape) + NormalDist().inv_cdf(level) / (3 * math.sqrt(shape))
    if shape >= 1 and cube > 0:
        return shape * cube**3
    return math.exp((math.log(level) + math.lgamma(shape + 1)) / shape)


def _series(x: float, shape: float) -> float:
    term = total = 1 / shape
    n = shape
    while term > total * 1e-17:
        n += 1
        term *= x / n
        total += term
    return total


def _fraction(x: float, shape: float) -> float:
    """Legendre's continued fraction of the upper function, evaluated forwards (Lentz)."""
    tiny = 1e-300
    b = x + 1 - shape
    c, d = 1 / tiny, 1 / b
    result = d
    n = 0
    while True:
        n += 1
        a = n * (shape - n)
        b += 2
        d = 1 / (a * d + b or tiny)
        c = b + a / c or tiny
        factor = c * d
        result *= factor
        if abs(factor - 1) < 1e-16 or n > 100_000:
            return result
