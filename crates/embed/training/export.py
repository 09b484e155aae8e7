"""Writes the trained model as an ONNX graph with an int8 table.

    rows = Cast(Gather(table[V, 256] int8, input_ids))
    w    = Gather(weights[fields * V], token_type_ids * V + input_ids) * attention_mask
    out  = L2(sum(w * rows))

The scale of a row is folded into its weights: the norm makes the mean and the sum
the same thing, so one multiplication a token is enough. As a MatMul the sum is
half as fast in tract, which packs the rows first.
"""

import hashlib
import os
import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from model import FIELDS, Model

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
MODEL = pathlib.Path(__file__).parent.parent / "model"


def quantise(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 rows and the scale of each."""
    scale = np.abs(table).max(axis=1) / 127
    safe = np.where(scale > 0, scale, 1)
    return np.rint(table / safe[:, None]).astype(np.int8), scale.astype(np.float32)


def quantised(model: Model) -> Model:
    """The model as the graph computes it."""
    rows, scale = quantise(model.table)
    return Model(rows * scale[:, None], model.logs)


def graph(model: Model) -> onnx.ModelProto:
    rows, scale = quantise(model.table)
    entries, dimensions = rows.shape
    weights = (np.exp(model.logs) * np.tile(scale, len(FIELDS))).astype(np.float32)
    constants = {
        "table": rows, "weights": weights, "entries": np.array(entries, np.int64),
        "one": np.array([1], np.int64), "two": np.array([2], np.int64), "tiny": np.array(1e-12, np.float32),
    }
    node = helper.make_node

    nodes = [
        node("Mul", ["token_type_ids", "entries"], ["shift"]),
        node("Add", ["shift", "input_ids"], ["weight_ids"]),
        node("Gather", ["weights", "weight_ids"], ["raw_weights"], axis=0),
        node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        node("Mul", ["raw_weights", "mask"], ["token_weights"]),
        node("Unsqueeze", ["token_weights", "two"], ["weight_columns"]),
        node("Gather", ["table", "input_ids"], ["int_rows"], axis=0),
        node("Cast", ["int_rows"], ["rows"], to=TensorProto.FLOAT),
        node("Mul", ["rows", "weight_columns"], ["weighted"]),
        node("ReduceSum", ["weighted", "one"], ["sum"], keepdims=0),
        node("Mul", ["sum", "sum"], ["squares"]),
        node("ReduceSum", ["squares", "one"], ["square_norm"], keepdims=1),
        node("Sqrt", ["square_norm"], ["norm"]),
        node("Max", ["norm", "tiny"], ["safe_norm"]),
        node("Div", ["sum", "safe_norm"], ["sentence_embedding"]),
    ]
    inputs = [helper.make_tensor_value_info(n, TensorProto.INT64, ["n", "l"]) for n in ("input_ids", "attention_mask", "token_type_ids")]
    output = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["n", dimensions])
    made = helper.make_graph(nodes, "wherein-static", inputs, [output], [numpy_helper.from_array(v, k) for k, v in constants.items()])
    proto = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], producer_name="wherein")
    proto.ir_version = 8
    onnx.checker.check_model(proto)
    return proto


def update_readme() -> None:
    """Puts the checksums of the two files beside them, where a test reads them."""
    readme = MODEL / "README.md"
    head = readme.read_text().partition("## Checksums (sha256)\n")
    sums = "".join(f"    {hashlib.sha256((MODEL / name).read_bytes()).hexdigest()}  {name}\n" for name in ("model.onnx", "vocab.txt"))
    readme.write_text(head[0] + head[1] + "\n" + sums)


def main() -> None:
    MODEL.mkdir(exist_ok=True)
    onnx.save(graph(Model.load(WORK / (sys.argv[1] if len(sys.argv) > 1 else "trained.npz"))), str(MODEL / "model.onnx"))
    (MODEL / "vocab.txt").write_text((WORK / "vocab.txt").read_text())
    update_readme()
    print({n: (MODEL / n).stat().st_size for n in ("model.onnx", "vocab.txt")})


if __name__ == "__main__":
    main()
