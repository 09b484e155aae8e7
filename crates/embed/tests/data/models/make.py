"""Writes the models that the tests of the registry load: small, but real graphs and tokenizers.

    python3 make.py          # needs onnx and tokenizers, pinned in ../../../training/requirements.txt

encoder.onnx   [n, l] ids -> [n, l, 8] vectors of tokens, by a table of 12 words
sentence.onnx  the same, pooled in the graph: [n, 8]
reranker.onnx  [n, l] ids -> [n, 1], how many of the first text's words the second has
foreign.onnx   takes an image
"""

import hashlib
import json
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "session", "open", "password", "check", "def", "weather", "where", "is", "the", "a"]
FAMILIES = {"session": 0, "open": 0, "password": 1, "check": 1, "weather": 2}


def table() -> np.ndarray:
    rows = np.zeros((len(WORDS), 8), np.float32)
    for at, word in enumerate(WORDS):
        if word in FAMILIES:
            rows[at, FAMILIES[word]] = 1
            rows[at, 3 + at % 4] = 0.2
        elif not word.startswith("["):
            rows[at, 7] = 0.05
    return rows


def save(name: str, nodes, inputs, output, constants) -> None:
    given = [helper.make_tensor_value_info(n, TensorProto.INT64, ["n", "l"]) for n in inputs] if inputs else [
        helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 3, 8, 8])]
    graph = helper.make_graph(nodes, name, given, [output], [numpy_helper.from_array(v, k) for k, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], producer_name="wherein tests")
    model.ir_version = 8
    onnx.checker.check_model(model)
    onnx.save(model, str(HERE / f"{name}.onnx"))


def main() -> None:
    node, info = helper.make_node, helper.make_tensor_value_info
    gather = node("Gather", ["table", "input_ids"], ["tokens"], axis=0)
    save("encoder", [gather], ["input_ids", "attention_mask"], info("tokens", TensorProto.FLOAT, ["n", "l", 8]), {"table": table()})
    one = np.array([1], np.int64)
    save("sentence", [gather, node("ReduceSum", ["tokens", "one"], ["sentence"], keepdims=0)], ["input_ids"],
         info("sentence", TensorProto.FLOAT, ["n", 8]), {"table": table(), "one": one})
    # Tokens of the second text have type 1: the sums of both sides, multiplied and added up.
    side = [
        gather,
        node("Cast", ["token_type_ids"], ["second_mask"], to=TensorProto.FLOAT),
        node("Sub", ["unit", "second_mask"], ["first_mask"]),
        node("Unsqueeze", ["second_mask", "two"], ["second_column"]),
        node("Unsqueeze", ["first_mask", "two"], ["first_column"]),
        node("Mul", ["tokens", "second_column"], ["second_tokens"]),
        node("Mul", ["tokens", "first_column"], ["first_tokens"]),
        node("ReduceSum", ["second_tokens", "one"], ["second"], keepdims=0),
        node("ReduceSum", ["first_tokens", "one"], ["first"], keepdims=0),
        node("Mul", ["first", "second"], ["common"]),
        node("ReduceSum", ["common", "one"], ["score"], keepdims=1),
    ]
    save("reranker", side, ["input_ids", "token_type_ids"], info("score", TensorProto.FLOAT, ["n", 1]),
         {"table": table(), "one": one, "two": np.array([2], np.int64), "unit": np.array(1, np.float32)})
    save("foreign", [node("Relu", ["pixels"], ["out"])], [], info("out", TensorProto.FLOAT, ["n", 3, 8, 8]), {})
    vocabulary = {word: at for at, word in enumerate(WORDS)}
    special = [{"id": at, "content": WORDS[at], "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True} for at in range(4)]
    cls, sep = ({"SpecialToken": {"id": w, "type_id": t}} for w, t in (("[CLS]", 0), ("[SEP]", 0)))
    text = {
        "version": "1.0", "truncation": None,
        # It pads, as many do: the program must not follow it.
        "padding": {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
        "added_tokens": special, "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [cls, {"Sequence": {"id": "A", "type_id": 0}}, sep],
            "pair": [cls, {"Sequence": {"id": "A", "type_id": 0}}, sep, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
            "special_tokens": {w: {"id": w, "ids": [vocabulary[w]], "tokens": [w]} for w in ("[CLS]", "[SEP]")},
        },
        "decoder": None, "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    }
    (HERE / "tokenizer.json").write_text(json.dumps(text, indent=1) + "\n")
    lines = ["Made by make.py of this folder, for the tests; licence as the project's (MIT OR Apache-2.0). sha256:", ""]
    for path in sorted(HERE.glob("*.onnx")):
        lines.append(f"    {hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}")
    (HERE / "README.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
