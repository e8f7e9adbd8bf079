"""The TensorFlow model: trained with Keras, frozen into a GraphDef of dense layers only."""

import keras
import numpy as np
import tensorflow as tf

from example_model import ExampleModel
from wine_records import FIELDS, NETWORK_CLASSES

NAME = "quality_network"
INPUT = "wine"
OUTPUT = "quality_probabilities"
HIDDEN = (24, 16)
EPOCHS = 20

# The standardisation becomes part of the first layer, which then subtracts large products in
# single precision. Without a floor the deviation of the density (0.0015) makes them so large
# that the order of summation shows in the fourth digit of a probability.
SMALLEST_DEVIATION = 0.05

# Single precision; the README says how far the answers are from those in double precision.
TOLERANCE = {"rel": 1e-4, "abs": 1e-6}


def _train(features: np.ndarray, qualities: np.ndarray, seed: int) -> list[tuple]:
    """Returns (kernel, bias) per layer for raw fields."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    mean = features.mean(axis=0)
    deviation = np.maximum(features.std(axis=0), SMALLEST_DEVIATION)
    network = keras.Sequential(
        [keras.Input((len(FIELDS),))]
        + [keras.layers.Dense(units, activation="relu") for units in HIDDEN]
        + [keras.layers.Dense(NETWORK_CLASSES, activation="softmax")]
    )
    network.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    standardised = ((features - mean) / deviation).astype(np.float32)
    network.fit(standardised, qualities, batch_size=32, epochs=EPOCHS, verbose=0)

    layers = [
        [weight.astype(np.float64) for weight in layer.get_weights()] for layer in network.layers
    ]
    kernel, bias = layers[0]
    layers[0] = [kernel / deviation[:, None], bias - (mean / deviation) @ kernel]
    return [(kernel.astype(np.float32), bias.astype(np.float32)) for kernel, bias in layers]


def _freeze(layers: list[tuple]) -> bytes:
    """A graph of Placeholder, Const, MatMul, BiasAdd, Relu and Softmax operations."""
    graph = tf.Graph()
    with graph.as_default():
        value = tf.compat.v1.placeholder(tf.float32, [None, len(FIELDS)], name=INPUT)
        for number, (kernel, bias) in enumerate(layers, start=1):
            layer = f"dense_{number}"
            weights = tf.constant(kernel, name=f"{layer}/kernel")
            product = tf.linalg.matmul(value, weights, name=f"{layer}/MatMul")
            offsets = tf.constant(bias, name=f"{layer}/bias")
            value = tf.nn.bias_add(product, offsets, name=f"{layer}/BiasAdd")
            if number < len(layers):
                value = tf.nn.relu(value, name=f"{layer}/Relu")
        tf.nn.softmax(value, name=OUTPUT)
    return graph.as_graph_def().SerializeToString(deterministic=True)


def _run(content: bytes, features: np.ndarray) -> np.ndarray:
    """What TensorFlow answers from the frozen graph."""
    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(content)
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run(f"{OUTPUT}:0", {f"{INPUT}:0": features.astype(np.float32)})


def make(features: np.ndarray, qualities: np.ndarray, seed: int) -> ExampleModel:
    """Trains the network, freezes it and asks TensorFlow for the answers of the frozen graph."""
    content = _freeze(_train(features, qualities, seed))
    probabilities = _run(content, features)
    sizes = "-".join(map(str, (len(FIELDS), *HIDDEN, NETWORK_CLASSES)))
    return ExampleModel(
        name=NAME,
        file=f"{NAME}.pb",
        type="TENSORFLOW",
        description=f"Dense network {sizes}, relu, softmax; the index of the class is the quality",
        content=content,
        quality={"output": OUTPUT, "read": "argmax"},
        right_answers=int(np.sum(probabilities.argmax(axis=1) == qualities)),
        tool=f"tensorflow {tf.__version__}",
        tolerance=TOLERANCE,
        # The shortest decimal that reads back as the same single-precision number.
        outputs=[{OUTPUT: [float(str(value)) for value in row]} for row in probabilities],
        inputs=[
            {
                "name": INPUT,
                "data_type": "float",
                "shape": [None, len(FIELDS)],
                "features": list(FIELDS),
            }
        ],
    )
