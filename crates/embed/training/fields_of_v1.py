"""Writes the shipped model: the vectors and weights of the first graph, which knew two roles, for the fields of now.

    git show 6bfcfa6:crates/embed/model/model.onnx > v1.onnx
    python fields_of_v1.py v1.onnx

A word of a path or a body keeps its weight in code, one of a signature or a doc comment has twice that: so often it was
read before fields stood apart. Goes away with the next trained model.
"""

import sys

import numpy as np
import onnx
from onnx import numpy_helper

import export
from model import Model


def main() -> None:
    parts = {i.name: numpy_helper.to_array(i) for i in onnx.load(sys.argv[1]).graph.initializer}
    code, question = parts["weights"].reshape(2, -1)
    weights = np.concatenate([code, question, code, 2 * code, 2 * code])
    logs = np.log(np.maximum(weights, 1e-12)).astype(np.float32)
    onnx.save(export.graph(Model(parts["table"].astype(np.float32), logs)), str(export.MODEL / "model.onnx"))
    export.update_readme()


if __name__ == "__main__":
    main()
