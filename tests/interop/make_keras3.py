"""Writes tests/models/keras3, as Keras 3 exports a model: each variable is
there twice.

    python make_keras3.py

Run by the Python of `env.sh newest`.
"""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np

from cases import fresh

keras.backend.clear_session()
net = keras.Sequential([keras.layers.Input((2,), name="x"),
                        keras.layers.Dense(1, name="dense")])
net.set_weights([np.array([[2.0], [-1.0]]), np.array([0.5])])
net.export(fresh("keras3"), verbose=False)
