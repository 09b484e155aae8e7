"""Measures retrieval on packages that training never saw: doc comment -> function, in pools by language.

A pool is 2,000 documented functions, the questions are their doc comments;
`masked` hides the function's own name in the code. Compared: BM25 over stemmed
identifier parts without stop words, the table before training, the trained model
whole, cut to half its dimensions and as it is shipped (int8, and the graph's own
arithmetic is the Rust tests' matter), BM25 with the trained one (min-max scores),
and bge-small-en-v1.5, the best small model that can be had. Intervals are 95 %,
by bootstrap over the questions. -> results.json
"""

import json
import os
import pathlib
import pickle
import sys

import numpy as np
import scipy.sparse

import pairs as pairs_module
from export import quantised
from model import Model, code_bags, query_bags

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
# Weight of BM25 beside the trained model; one number for all pools, the best of a few on the validation packages.
LEXICAL = 0.4
STOP = set("a an and are as at be by for from has if in is it its of on or that the this to was when which will with".split())


def pick(part: dict, language: str, most: int = pairs_module.POOL) -> np.ndarray:
    """Rows of a pool: documented functions, not too many of one package."""
    rows = np.flatnonzero((part["language"] == language) & part["function"] & (np.diff(part["query"].starts) > 1) & (np.diff(part["masked_body"].starts) > 8))
    seen: dict[int, int] = {}
    chosen = []
    for row in rows:
        package = int(part["package"][row])
        seen[package] = seen.get(package, 0) + 1
        if seen[package] <= pairs_module.POOL_OF_A_PACKAGE:
            chosen.append(row)
    return np.array(chosen[:most])


def reciprocal_ranks(scores: np.ndarray) -> np.ndarray:
    """1 / rank where the answer to question i is candidate i, 0 from rank 11 on; ties count against us."""
    own = scores[np.arange(len(scores)), np.arange(len(scores))][:, None]
    ranks = (scores >= own).sum(axis=1)
    return np.where(ranks <= 10, 1 / ranks, 0)


def interval(values: np.ndarray, rng) -> float:
    """Half the width of the 95 % interval of a mean."""
    means = values[rng.integers(len(values), size=(1000, len(values)))].mean(axis=1)
    return float(np.diff(np.quantile(means, [0.025, 0.975]))[0] / 2)


def mean_reciprocal_rank(model: Model, part: dict) -> float:
    """Mean over languages of the mean of plain and masked MRR@10: what decides when to stop."""
    found = []
    for language in pairs_module.POOL_LANGUAGES:
        rows = pick(part, language)
        if len(rows) < 200:
            continue
        asked = model.embed(query_bags(part, rows[:500], model.size))
        for masked in (False, True):
            found.append(reciprocal_ranks(asked @ model.embed(code_bags(part, rows, model.size, masked)).T).mean())
    return float(np.mean(found))


def bm25(queries: list[str], documents: list[str]) -> np.ndarray:
    """Scores `[queries, documents]` of BM25 over stemmed identifier parts without stop words."""
    import Stemmer

    import tokenizer

    stem, known = Stemmer.Stemmer("english"), {}

    def counted(texts, learn):
        rows, ids = [], []
        for row, text in enumerate(texts):
            for word in tokenizer.words(text):
                for part in tokenizer.parts(word):
                    if part not in STOP:
                        term = stem.stemWord(part)
                        at = known.setdefault(term, len(known)) if learn else known.get(term)
                        if at is not None:
                            rows.append(row)
                            ids.append(at)
        return scipy.sparse.coo_matrix((np.ones(len(ids), np.float32), (rows, ids)), shape=(len(texts), len(known))).tocsr()

    counts = counted(documents, True)
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    frequency = np.bincount(counts.indices, minlength=len(known))
    idf = np.log(1 + (len(documents) - frequency + 0.5) / (frequency + 0.5)).astype(np.float32)
    norm = 1.2 * (0.25 + 0.75 * lengths / lengths.mean())
    counts.data = counts.data * 2.2 / (counts.data + np.repeat(norm, np.diff(counts.indptr))) * idf[counts.indices]
    return np.asarray((counted(queries, False) @ counts.T).todense())


def scaled(scores: np.ndarray) -> np.ndarray:
    low, high = scores.min(axis=1, keepdims=True), scores.max(axis=1, keepdims=True)
    return (scores - low) / (high - low + 1e-9)


def halves(vectors: np.ndarray) -> np.ndarray:
    cut = vectors[:, : vectors.shape[1] // 2]
    return cut / np.linalg.norm(cut, axis=1, keepdims=True)


def teacher_vectors(language: str, kind: str, texts: list[str], known=[]) -> np.ndarray:
    """bge-small's vectors; kept in a file, since they take a quarter of an hour."""
    file = WORK / "pools" / f"{language}-{kind}.npy"
    if not file.exists():
        import teacher

        if not known:
            known.append(teacher.Teacher())
        file.parent.mkdir(exist_ok=True)
        np.save(file, known[0].embed(texts, most=256))
    return np.load(file)


def main() -> None:
    rng = np.random.default_rng(3)
    with open(WORK / "prepared.pickle", "rb") as file:
        test = pickle.load(file)["test"]
    with open(WORK / "pools.pickle", "rb") as file:
        texts = pickle.load(file)
    place = np.cumsum(test["function"]) - 1
    first = Model.first()
    trained = Model.load(WORK / "trained.npz")
    shipped = quantised(trained)
    with_teacher = "--no-teacher" not in sys.argv
    results = []
    for language in pairs_module.POOL_LANGUAGES:
        rows = pick(test, language)
        of = [texts[i] for i in place[rows]]
        docs = [pair["doc"] for pair in of]
        row = {"language": language, "functions": len(rows), "packages": len(np.unique(test["package"][rows]))}
        for masked in (False, True):
            kind = "masked" if masked else "plain"
            codes = [pairs_module.mask(pair["name"], pair["code"]) if masked else pair["code"] for pair in of]
            scores = {"bm25": bm25(docs, codes)}
            for name, model in (("untrained", first), ("trained", trained), ("shipped", shipped)):
                q = model.embed(query_bags(test, rows, model.size))
                d = model.embed(code_bags(test, rows, model.size, masked))
                scores[name] = q @ d.T
                if name == "trained":
                    scores["half"] = halves(q) @ halves(d).T
            scores["fused"] = LEXICAL * scaled(scores["bm25"]) + (1 - LEXICAL) * scaled(scores["shipped"])
            if with_teacher:
                scores["bge_small"] = teacher_vectors(language, "docs", docs) @ teacher_vectors(language, kind, codes).T
            row[kind] = {}
            for name, values in scores.items():
                ranks = reciprocal_ranks(values)
                row[kind][name] = {"mrr10": round(float(ranks.mean()), 4), "plus_minus": round(interval(ranks, rng), 4), "recall10": round(float((ranks > 0).mean()), 4)}
        results.append(row)
        print(table([row]).splitlines()[2], flush=True)
    print(table(results))
    out = pathlib.Path(__file__).parent / "results.json"
    out.write_text(json.dumps({"measure": "doc comment -> function, MRR@10 on packages outside training", "rows": results}, indent=1) + "\n")


def table(results: list[dict]) -> str:
    """The figures as Markdown: plain / masked."""
    names = list(results[0]["plain"])
    lines = ["| language | functions | packages | " + " | ".join(names) + " |", "|---|---:|---:|" + "---:|" * len(names)]
    for row in results:
        cells = (f"{row['plain'][n]['mrr10']:.3f} ± {row['plain'][n]['plus_minus']:.3f} / {row['masked'][n]['mrr10']:.3f} ± {row['masked'][n]['plus_minus']:.3f}" for n in names)
        lines.append(f"| {row['language']} | {row['functions']} | {row['packages']} | " + " | ".join(cells) + " |")
    means = (" / ".join(f"{np.mean([row[kind][n]['mrr10'] for row in results]):.3f}" for kind in ("plain", "masked")) for n in names)
    return "\n".join([*lines, "| **mean** | | | " + " | ".join(means) + " |"])


if __name__ == "__main__":
    main()
