"""The static model in numpy: token vectors, and a weight for each token and field.

    sum = sum over tokens of weight[field, token] * table[token]     out = sum / |sum|

A sparse product and a norm, so the gradients are written out.
"""

import os
import pathlib

import numpy as np
import scipy.sparse

from pairs import Ragged

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
# token_type_ids of the graph: what a token is of. src/document.rs has the same numbers.
FIELDS = ("body", "query", "path", "signature", "comment")
BODY, QUERY, PATH, SIGNATURE, COMMENT = range(5)


class Bags:
    """Tokens of some texts: the row each is of, its id and its field."""

    def __init__(self, count: int, parts: list[tuple[int, Ragged, np.ndarray, np.ndarray]], size: int, drop: float = 0.0, rng=None):
        """`parts`: (field, texts, rows of them, for which of the `count` rows of the result)."""
        rows, ids, fields = [], [], []
        for field, ragged, chosen, target in parts:
            tokens, pointers = ragged.take(chosen)
            rows.append(np.repeat(target, np.diff(pointers)))
            ids.append(tokens)
            fields.append(np.full(len(tokens), field))
        rows, ids, fields = np.concatenate(rows), np.concatenate(ids), np.concatenate(fields)
        if drop:
            kept = rng.random(len(rows)) >= drop
            rows, ids, fields = rows[kept], ids[kept], fields[kept]
        self.count, self.size, self.rows, self.ids = count, size, rows, ids
        self.columns = fields * size + ids

    def sums(self, table: np.ndarray, weights: np.ndarray) -> np.ndarray:
        shape = (self.count, self.size)
        return scipy.sparse.coo_matrix((weights[self.columns], (self.rows, self.ids)), shape=shape).tocsr() @ table

    def per_column(self, outer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The columns that occur, and for each the sum of the rows of `outer` that hold it."""
        columns, place = np.unique(self.columns, return_inverse=True)
        ones = scipy.sparse.coo_matrix((np.ones(len(place), np.float32), (place, self.rows)), shape=(len(columns), self.count))
        return columns, ones.tocsr() @ outer


def unit(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    norms = np.linalg.norm(values, axis=1, keepdims=True) + 1e-6
    return values / norms, norms


def unit_back(gradient: np.ndarray, units: np.ndarray, norms: np.ndarray) -> np.ndarray:
    return (gradient - units * (gradient * units).sum(axis=1, keepdims=True)) / norms


class Model:
    """`table [V, d]` and `logs [fields * V]`, the logarithms of the weights, so that they stay positive."""

    def __init__(self, table: np.ndarray, logs: np.ndarray):
        self.table, self.logs, self.size = table, logs, len(table)

    @classmethod
    def first(cls) -> "Model":
        """The model before training: the teacher's vectors, weights by frequency."""
        sif = np.load(WORK / "sif.npy")
        return cls(np.load(WORK / "init.npy"), np.tile(np.log(sif), len(FIELDS)).astype(np.float32))

    @classmethod
    def load(cls, path: pathlib.Path) -> "Model":
        state = np.load(path)
        return cls(state["table"], state["logs"])

    def save(self, path: pathlib.Path) -> None:
        np.savez(path, table=self.table, logs=self.logs)

    def forward(self, bags: Bags) -> dict:
        """Everything that the way back needs; `out` is `[rows, d]`, L2-normalised."""
        state = {"bags": bags, "weights": np.exp(self.logs)}
        state["out"], state["norm"] = unit(bags.sums(self.table, state["weights"]))
        return state

    def embed(self, bags: Bags) -> np.ndarray:
        return self.forward(bags)["out"]

    def backward(self, state: dict, gradient: np.ndarray) -> dict:
        """Gradients of the table and of the weights, each as (places, values)."""
        columns, per_column = state["bags"].per_column(unit_back(gradient, state["out"], state["norm"]))
        weights, ids = state["weights"][columns], columns % self.size
        return {
            "logs": (columns, np.einsum("ij,ij->i", per_column, self.table[ids]) * weights),
            "table": (ids, per_column * weights[:, None]),
        }


def query_bags(part: dict, rows: np.ndarray, size: int) -> Bags:
    return Bags(len(rows), [(QUERY, part["query"], rows, np.arange(len(rows)))], size)


def code_bags(part: dict, rows: np.ndarray, size: int, masked: bool) -> Bags:
    """The code alone, as a pool shows it: neither path nor doc comment; `masked` also lacks the function's own name."""
    prefix, here = "masked_" if masked else "", np.arange(len(rows))
    return Bags(len(rows), [(SIGNATURE, part[prefix + "signature"], rows, here), (BODY, part[prefix + "body"], rows, here)], size)
