"""Medians, and ratios of medians with the interval that their spread leaves."""

import random
import statistics

RESAMPLES = 2000


def ratio(numerators, denominators):
    """(ratio of the medians, low, high): the middle 95 % of ratios of resampled medians. Nothing where
    a denominator is zero: a share of processor below what the kernel counts."""
    if not numerators or not denominators or statistics.median(denominators) == 0:
        return None
    dice = random.Random(0)  # the same values give the same interval

    def median_of(values):
        return statistics.median(dice.choices(values, k=len(values)))

    found = sorted(median_of(numerators) / below for below in
                   (median_of(denominators) for _ in range(RESAMPLES)) if below > 0)
    middle = statistics.median(numerators) / statistics.median(denominators)
    return middle, found[int(len(found) * 0.025)], found[int(len(found) * 0.975)]


def settled(interval, within):
    """Whether the interval is no wider, either way, than `within` of the ratio."""
    if interval is None:
        return True
    middle, low, high = interval
    return max(high - middle, middle - low) <= within * middle


def in_words(interval):
    return "-" if interval is None else f"{interval[0]:.2f} [{interval[1]:.2f}, {interval[2]:.2f}]"
