"""wherein's shipped token table as a model2vec folder, for tools whose own model no package registry carries.

model2vec weighs a token alike in questions and in code, so a token's weight is
the geometric mean of the table's for questions and for bodies of code; cutting words is as near to crates/embed/src/tokenizer.rs as the `tokenizers` library gets, so
that it runs at that library's speed.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from safetensors.numpy import save_file


def table_of(model: Path) -> np.ndarray:
    """The weighted token vectors of model.onnx: [vocabulary, 256] f32."""
    parts = {i.name: numpy_helper.to_array(i) for i in onnx.load(model).graph.initializer}
    as_code, as_question, *_ = parts["weights"].reshape(5, -1)
    return parts["table"].astype(np.float32) * np.sqrt(as_code * as_question)[:, None]


def tokenizer_of(vocabulary: list[str]) -> Tokenizer:
    words = {word: i for i, word in enumerate(vocabulary)}
    made = Tokenizer(models.WordPiece(words, unk_token=vocabulary[0], max_input_chars_per_word=128))
    made.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll})"), " "),
            normalizers.Lowercase(),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\p{Alphabetic}\p{N}]+"), "removed", invert=True)
    return made


def write(model_folder: Path, folder: Path) -> Path:
    """Writes the model2vec folder; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = (model_folder / "vocab.txt").read_text().splitlines()
    save_file({"embeddings": table_of(model_folder / "model.onnx")}, folder / "model.safetensors")
    tokenizer_of(vocabulary).save(str(folder / "tokenizer.json"))
    config = {"model_type": "model2vec", "normalize": True, "tokenizer_name": "wherein-static-v2", "hidden_dim": 256}
    (folder / "config.json").write_text(json.dumps(config))
    return folder
