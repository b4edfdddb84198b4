"""Child process: `python raw_table_child.py FOLDER` trains an autoencoder of a table in raw units.

The table is the benign rows of scikit-learn's breast cancer data, 30 columns whose ranges lie
between 0.02 and 1,000. Writes `rows.npy` and `raw.h5`.
"""

import os
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_USE_LEGACY_KERAS"] = "1"


def main(folder: Path) -> None:
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    table = load_breast_cancer()
    rows = table.data[table.target == 1].astype(np.float32)
    np.save(folder / "rows.npy", rows)
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.InputLayer((rows.shape[1],)),
            layers.BatchNormalization(),
            layers.Dense(16, activation="relu"),
            layers.Dense(4, name="code"),
            layers.Dense(16, activation="relu"),
            layers.Dense(rows.shape[1]),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "mse")
    model.fit(rows, rows, batch_size=32, epochs=200, verbose=0)
    model.save(folder / "raw.h5")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
