"""Families of sequences: recurrent layers of Keras."""
import tensorflow as tf

from families_registry import family

L = tf.keras.layers


def tokens(name, spec, rng):
    """Ids with zeros at the end of each row, where masks are."""
    if not spec.dtype.is_integer or spec.shape.rank != 2:
        return None
    ids = rng.randint(1, 20, (3, 6))
    for row, n in enumerate((6, 2, 4)):
        ids[row, n:] = 0
    return ids.astype(spec.dtype.as_numpy_dtype)


def embedded():
    ids = L.Input((None,), dtype=tf.int32)
    return ids, L.Embedding(20, 8, mask_zero=True)(ids)


def seeded(seed):
    tf.keras.utils.set_random_seed(seed)


@family(quick=True, feed=tokens)
def lstm_masked(path):
    seeded(1)
    ids, x = embedded()
    tf.keras.Model(ids, L.LSTM(6)(x)).save(path)


@family(feed=tokens)
def gru_stacked(path):
    """Both forms of reset, dropout of inputs and of states."""
    seeded(2)
    ids, x = embedded()
    x = L.GRU(6, return_sequences=True, dropout=0.1)(x)
    x = L.GRU(5, reset_after=False, return_sequences=True)(x)
    x = L.GRU(5, recurrent_dropout=0.2)(x)
    tf.keras.Model(ids, x).save(path)


@family(feed=tokens)
def rnn_bidirectional(path):
    seeded(3)
    ids, x = embedded()
    x = L.Bidirectional(L.SimpleRNN(5, return_sequences=True))(x)
    x = L.Bidirectional(L.LSTM(4), merge_mode="ave")(x)
    tf.keras.Model(ids, x).save(path)


@family(quick=True)
def lstm_plain(path):
    """Without masks: the form that Keras has a GPU kernel beside."""
    seeded(4)
    x = L.Input((7, 5))
    every, last, cell = L.LSTM(6, return_sequences=True, return_state=True)(x)
    back = L.GRU(4, go_backwards=True)(every)
    slow = L.LSTM(3, activation="relu", unroll=True)(every)
    tf.keras.Model(x, L.Concatenate()([last, cell, back, slow])).save(path)


@family()
def conv_lstm(path):
    seeded(5)
    net = tf.keras.Sequential([
        L.Input((4, 8, 8, 2)),
        L.ConvLSTM2D(3, 3, padding="same", return_sequences=True),
        L.TimeDistributed(L.MaxPooling2D()), L.ConvLSTM2D(3, 2),
        L.GlobalAveragePooling2D()])
    net.save(path)


@family()
def rnn_cells(path):
    """Stacked cells in one loop, over time-major data inside."""
    seeded(6)
    cells = [L.LSTMCell(5), L.GRUCell(4), L.SimpleRNNCell(3)]
    x = L.Input((None, 4))
    y = L.RNN(cells, return_sequences=True)(L.Masking(0.0)(x))
    y = L.RNN(L.LSTMCell(4), go_backwards=True)(y)
    tf.keras.Model(x, y).save(path)


@family(train=None)
def rnn_stateful(path):
    """States are kept between calls: a call assigns them."""
    seeded(7)
    net = tf.keras.Sequential([
        L.Input((5, 4), batch_size=3), L.LSTM(6, stateful=True,
                                              return_sequences=True),
        L.GRU(4, stateful=True)])
    net.save(path)


@family(quick=True)
def conv1d_audio(path):
    seeded(8)
    net = tf.keras.Sequential([
        L.Input((40, 3)), L.Conv1D(8, 5, 2, "causal", activation="relu"),
        L.BatchNormalization(), L.SeparableConv1D(6, 3), L.MaxPooling1D(2),
        L.Conv1DTranspose(4, 3, 2), L.Conv1D(4, 3, dilation_rate=2),
        L.SpatialDropout1D(0.2), L.DepthwiseConv1D(3),
        L.GlobalMaxPooling1D()])
    net.save(path)


@family()
def attention_layers(path):
    """Luong's and Bahdanau's attention, of two sequences."""
    seeded(9)
    a, b = L.Input((None, 6), name="query"), L.Input((None, 6), name="memory")
    x = L.Attention(use_scale=True)([a, b])
    y = L.AdditiveAttention()([a, b])
    z = L.MultiHeadAttention(2, 4)(a, b, use_causal_mask=True)
    y = L.Concatenate()([x, y, z])
    tf.keras.Model([a, b], L.GlobalAveragePooling1D()(y)).save(path)


@family()
def conv3d(path):
    seeded(10)
    net = tf.keras.Sequential([
        L.Input((6, 8, 8, 2)), L.Conv3D(4, 3, activation="swish"),
        L.BatchNormalization(), L.MaxPooling3D(2),
        L.Conv3DTranspose(3, 2, 2), L.AveragePooling3D(2), L.Flatten(),
        L.AlphaDropout(0.1), L.Dense(5, "selu"), L.Dense(4, "softsign")])
    net.save(path)
