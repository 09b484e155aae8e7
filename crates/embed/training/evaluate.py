"""Measures retrieval on packages that training never saw: MRR@10 and recall@10 by language.

For each language the candidates are the code of (at most 2,000) held-out pairs,
the queries 500 of their docs. `masked` hides the function's own name too.
Compared: BM25 over the same tokens, the table before training, the trained one,
and BM25 with the trained one (0.4 / 0.6, min-max scores).
"""

import json
import os
import pathlib
import pickle
import random

import numpy as np
import scipy.sparse

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
CANDIDATES = 2000
QUERIES = 500


def vectors(ragged, rows, table, weights):
    ids, pointers = ragged.take(rows)
    bag = scipy.sparse.csr_matrix((weights[ids], ids, pointers), shape=(len(rows), len(table)))
    sums = bag @ table
    return sums / (np.linalg.norm(sums, axis=1, keepdims=True) + 1e-9)


def figures(scores: np.ndarray) -> tuple[float, float]:
    """(MRR@10, recall@10) where the answer to query i is candidate i."""
    own = scores[np.arange(len(scores)), np.arange(len(scores))][:, None]
    # Ties count against us.
    ranks = (scores >= own).sum(axis=1)
    return float(np.where(ranks <= 10, 1 / ranks, 0).mean()), float((ranks <= 10).mean())


def bm25(queries, documents, size: int) -> np.ndarray:
    counts = scipy.sparse.csr_matrix((np.ones(len(documents[0]), np.float32), *documents), shape=(len(documents[1]) - 1, size))
    counts.sum_duplicates()
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    frequency = np.bincount(counts.indices, minlength=size)
    idf = np.log(1 + (counts.shape[0] - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
    norm = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())
    counts.data = counts.data * 2.2 / (counts.data + np.repeat(norm, np.diff(counts.indptr))) * idf[counts.indices]
    asked = scipy.sparse.csr_matrix((np.ones(len(queries[0]), np.float32), *queries), shape=(len(queries[1]) - 1, size))
    return np.asarray((asked @ counts.T).todense())


def pick(part, language, kinds=("doc",)):
    rows = np.flatnonzero((part["language"] == language) & np.isin(part["kind"], kinds) & (np.diff(part["query"].starts) > 1) & (np.diff(part["masked"].starts) > 8))
    return rows[:CANDIDATES]


def mean_reciprocal_rank(table, document, query, part) -> float:
    """Mean over languages with enough pairs of the mean of plain and masked MRR@10."""
    found = []
    for language in np.unique(part["language"]):
        rows = pick(part, language)
        if len(rows) < 200:
            continue
        asked = vectors(part["query"], rows[:QUERIES], table, query)
        for kind in ("plain", "masked"):
            found.append(figures(asked @ vectors(part[kind], rows, table, document).T)[0])
    return float(np.mean(found))


def scaled(scores):
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    return (scores - low) / (high - low + 1e-9)


def main() -> None:
    random.seed(3)
    with open(WORK / "prepared.pickle", "rb") as file:
        test = pickle.load(file)["test"]
    start = np.load(WORK / "init.npy"), np.load(WORK / "sif.npy"), np.load(WORK / "sif.npy")
    state = np.load(WORK / "trained.npz")
    trained = state["table"], state["document"], state["query"]
    results = []
    for language in np.unique(test["language"]):
        rows = pick(test, language, ("section",) if language == "markdown" else ("doc",))
        if len(rows) < 150:
            continue
        for kind in ("plain", "masked"):
            lexical = bm25(test["query"].take(rows[:QUERIES]), test[kind].take(rows), len(start[0]))
            row = {"language": str(language), "name": kind, "candidates": len(rows), "queries": min(len(rows), QUERIES)}
            dense = {}
            for label, (table, document, query) in (("init", start), ("trained", trained)):
                dense[label] = vectors(test["query"], rows[:QUERIES], table, query) @ vectors(test[kind], rows, table, document).T
            for label, scores in (("bm25", lexical), ("untrained", dense["init"]), ("trained", dense["trained"]), ("bm25+trained", 0.4 * scaled(lexical) + 0.6 * scaled(dense["trained"]))):
                mrr, recall = figures(scores)
                row[label] = {"mrr10": round(mrr, 4), "recall10": round(recall, 4)}
            results.append(row)
    labels = ("bm25", "untrained", "trained", "bm25+trained")
    lines = ["| language | name | candidates | " + " | ".join(labels) + " |", "|---|---|---:|" + "---:|" * len(labels)]
    for row in results:
        lines.append(f"| {row['language']} | {row['name']} | {row['candidates']} | " + " | ".join(f"{row[l]['mrr10']:.3f} / {row[l]['recall10']:.3f}" for l in labels) + " |")
    for kind in ("plain", "masked"):
        of = [r for r in results if r["name"] == kind]
        lines.append(f"| **mean** | {kind} | | " + " | ".join(f"{np.mean([r[l]['mrr10'] for r in of]):.3f} / {np.mean([r[l]['recall10'] for r in of]):.3f}" for l in labels) + " |")
    print("\n".join(lines))
    out = pathlib.Path(__file__).parent / "results.json"
    out.write_text(json.dumps({"measure": "MRR@10 and recall@10 on held-out packages", "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
