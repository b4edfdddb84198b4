"""What a code is worth as a feature: how well labels can be told from it, by two plain methods."""

import warnings

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 5
#: Steps of L-BFGS: codes converge within them; raw pixels, 784 wide, are as good as they get.
_STEPS = 60

Features = NDArray[np.float32]
Labels = NDArray[np.integer]


def linear_accuracy(
    train: Features, train_labels: Labels, test: Features, test_labels: Labels
) -> float:
    """Return the share of test labels that a linear probe tells.

    Multinomial logistic regression on standardised features, with scikit-learn's usual L2 penalty.

    Args:
        train, test: (n, width).
        train_labels, test_labels: (n,), of two kinds or more.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, spread = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    spread[spread < 1e-6 * np.abs(train).max()] = 1  # a pixel that is always the same
    with warnings.catch_warnings():
        # the steps are the probe's definition
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = LogisticRegression(max_iter=_STEPS).fit((train - mean) / spread, train_labels)
    return float(probe.score((test - mean) / spread, test_labels))


def nearest_accuracy(
    train: Features, train_labels: Labels, test: Features, test_labels: Labels
) -> float:
    """Return the share of test labels that the 5 nearest training features vote for.

    Distances are of the features as they are: a code's directions have lengths that mean something.
    """
    from sklearn.neighbors import KNeighborsClassifier

    # trees search no faster from 16 dimensions or so on
    voters = KNeighborsClassifier(min(NEIGHBOURS, len(train)), algorithm="brute")
    return float(voters.fit(train, train_labels).score(test, test_labels))
