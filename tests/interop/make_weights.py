"""Prints what Keras makes of examples that do not count the same.

    python tests/interop/make_weights.py

tests/cli/weights.sh trains on the same data and holds itself against these
lines: loss, validation loss and weighted accuracy of each epoch, then the
same of numbers that are regressed on, with the mean absolute error.
"""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

# Words, two numbers each; class, number and weight of their examples.
X = np.array([[1, 2], [-1, .5], [.25, -2], [2, 1], [-.5, -.5], [1.5, -1],
              [0, .75], [-2, 1]], "f")
CLASS = np.array([0, 1, 1, 0, 1, 0, 1, 0])
NUMBER = np.array([1, -2, .5, 3, 0, -1, 2, .25], "f")
WEIGHT = np.array([1, 0, 2.5, .5, 3, 1, .25, 4], "f")


def fit(units, loss, y, metric):
    out = tf.keras.layers.Dense(units, kernel_initializer="zeros")
    net = tf.keras.Sequential([out])
    net.compile(tf.keras.optimizers.SGD(0.2), loss, weighted_metrics=[metric])
    h = net.fit(X, y, sample_weight=WEIGHT, batch_size=3, epochs=4,
                shuffle=False, verbose=0,
                validation_data=(X[1:6], y[1:6], WEIGHT[1:6])).history
    for row in zip(h["loss"], h["val_loss"], h["val_" + metric.name]):
        print(" ".join("%.6f" % v for v in row))


fit(2, tf.keras.losses.SparseCategoricalCrossentropy(True), CLASS,
    tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy"))
fit(1, "mse", NUMBER, tf.keras.metrics.MeanAbsoluteError(name="mae"))
