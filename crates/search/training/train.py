"""Trains the ranker's weights from labelled queries and writes config/ranking.toml.

    train.py --out ../../../config/ranking.toml --part own=FOLDER [--part whole=FOLDER] [--part mined=FOLDER] [--part development=FOLDER]

Each FOLDER was written by `wherein-bench features`. The ranker is a weighted sum of
features, one set of weights for queries that are a single name and one for all others,
fitted by LambdaRank (Burges 2010): pairs of candidates weighted by what swapping them
changes of NDCG@10. Of the chunks of a file only the best counts, as it does for a reader.
Weights are pulled towards those set by hand, and keep the sign that a feature must have.
Everything is deterministic: no sampling, folds drawn with a fixed seed, one thread.
"""

import argparse
import json
import math
import os
import pathlib
from collections import defaultdict

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np

NEGATIVES, POSITIVES = 40, 4
PULL = 1.0  # towards the weights set by hand
ROUNDS, STEPS, RATE = 6, 25, 0.15
SHARES = {"development": 1.0, "own": 0.3, "whole": 0.3, "mined": 0.1, "messages": 0.4}  # what a query of each part counts
SAME_FILE = 3.0  # what each further chunk of a file loses: .5 gives .872 (development) and .766 (own), 1 .887 / .778, 3 .900 / .786, 6 .904 / .779
WITHIN = 8.0  # how far behind the best a span may be and still be context: 1.2 % of the targets are further
FOLDS, SEED = 10, 1


class Query:
    """A labelled query and the features of its candidates."""

    def __init__(self, line: dict, features: np.ndarray, part: str):
        self.part, self.features = part, features
        self.repository, self.language = line["repository"], line["language"]
        self.category, self.text, self.is_symbol = line["category"], line["query"], line["is_symbol"]
        targets, candidates = line["targets"], line["candidates"]
        self.targets = len(targets)
        self.paths = [path for path, _, _ in candidates]
        files: dict[str, int] = {}
        self.file = np.array([files.setdefault(path, len(files)) for path, _, _ in candidates], dtype=np.int64)
        of_file = {path: [same_path(path, target[0]) for target in targets] for path in files}
        self.hits = np.zeros((len(candidates), len(targets)), dtype=bool)
        for at, (path, start, end) in enumerate(candidates):
            for number, (_, lines) in enumerate(targets):
                self.hits[at, number] = of_file[path][number] and (lines is None or not (end < lines[0] or start > lines[1]))
        self.relevant = self.hits.any(axis=1)
        # Right and wrong chunks of one file compete like chunks of two files.
        self.group = self.file * 2 + self.relevant


def same_path(a: str, b: str) -> bool:
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)


def load(folder: pathlib.Path, part: str) -> tuple[dict, list[Query]]:
    names = json.loads((folder / "names.json").read_text())
    table = np.fromfile(folder / "features.f32", dtype="<f4").reshape(-1, len(names["features"]))
    queries, at = [], 0
    for text in (folder / "queries.jsonl").open():
        line = json.loads(text)
        count = len(line["candidates"])
        queries.append(Query(line, table[at : at + count].astype(np.float64), part))
        at += count
    return names, queries


def load_parts(given: list[str]) -> tuple[dict, list[Query]]:
    """The queries of all NAME=FOLDER arguments."""
    names: dict = {}
    queries: list[Query] = []
    for one in given:
        part, _, folder = one.partition("=")
        names, more = load(pathlib.Path(folder), part)
        queries += more
    return names, queries


def ideal(targets: int) -> float:
    return sum(1 / math.log2(rank + 1) for rank in range(1, min(10, targets) + 1))


def listed(query: Query, scores: np.ndarray, k: int = 10) -> np.ndarray:
    """The best `k` chunks, those of a file already listed damped, as the program lists them."""
    order = np.argsort(-scores, kind="stable")
    before: dict[int, int] = defaultdict(int)
    damped = scores[order].copy()
    for at, row in enumerate(order):
        damped[at] -= SAME_FILE * before[query.file[row]]
        before[query.file[row]] += 1
    return order[np.argsort(-damped, kind="stable")[:k]]


def ndcg(query: Query, scores: np.ndarray) -> float:
    rows = query.hits[listed(query, scores)]
    ranks = {int(np.argmax(rows[:, target])) + 1 for target in range(query.targets) if rows[:, target].any()}
    return sum(1 / math.log2(rank + 1) for rank in ranks) / ideal(query.targets)


def pairs(queries: list[Query], weights: np.ndarray, shares: np.ndarray):
    """The best chunk of each file, right ones and the best of the wrong ones, and what their order is worth."""
    width = len(weights)
    right = np.zeros((len(queries), POSITIVES, width))
    wrong = np.zeros((len(queries), NEGATIVES, width))
    worth = np.zeros((len(queries), POSITIVES, NEGATIVES))
    for number, query in enumerate(queries):
        order = np.argsort(-(query.features @ weights), kind="stable")
        first = np.sort(np.unique(query.group[order], return_index=True)[1])
        best = order[first]
        discount = 1 / np.log2(np.minimum(np.arange(1, len(best) + 1), 2000) + 1)
        relevant = query.relevant[best]
        p, n = np.flatnonzero(relevant)[:POSITIVES], np.flatnonzero(~relevant)[:NEGATIVES]
        right[number, : len(p)], wrong[number, : len(n)] = query.features[best[p]], query.features[best[n]]
        swap = np.abs(discount[p][:, None] - discount[n][None, :]) / ideal(query.targets)
        worth[number, : len(p), : len(n)] = swap * shares[number]
    return right, wrong, worth


def fit(queries: list[Query], prior: np.ndarray, signs: np.ndarray) -> np.ndarray:
    queries = [query for query in queries if query.relevant.any() and not query.relevant.all()]
    shares = np.array([SHARES[query.part] for query in queries])
    weights, squares = prior.copy(), np.full(len(prior), 1e-8)
    for _ in range(ROUNDS):
        right, wrong, worth = pairs(queries, weights, shares)
        for _ in range(STEPS):
            margin = (right @ weights)[:, :, None] - (wrong @ weights)[:, None, :]
            pull = worth / (1 + np.exp(np.clip(margin, -40, 40)))
            gradient = np.einsum("qp,qpf->f", pull.sum(axis=2), right) - np.einsum("qn,qnf->f", pull.sum(axis=1), wrong)
            gradient -= PULL * (weights - prior)
            squares += gradient * gradient
            weights = weights + RATE * gradient / np.sqrt(squares)
            weights = np.where(signs * weights < 0, 0.0, weights)
    return weights


def fit_both(queries: list[Query], names: dict) -> dict[bool, np.ndarray]:
    signs = np.array(names["signs"], dtype=float)
    priors = {True: np.array(names["symbol"]), False: np.array(names["question"])}
    return {kind: fit([query for query in queries if query.is_symbol == kind], prior, signs) for kind, prior in priors.items()}


def folds(queries: list[Query]) -> list[set[str]]:
    """Repositories dealt out in turn, so that each fold has some of the development part.

    A repository is in one fold, whatever parts ask about it.
    """
    development = {query.repository for query in queries if query.part == "development"}
    others = {query.repository for query in queries} - development
    dealt: list[set[str]] = [set() for _ in range(FOLDS)]
    for names in (sorted(development), sorted(others)):
        np.random.default_rng(SEED).shuffle(names)
        for number, name in enumerate(names):
            dealt[number % FOLDS].add(name)
    return [fold for fold in dealt if fold]


def cross_validated(queries: list[Query], names: dict) -> list[tuple[Query, float]]:
    rows = []
    for held in folds(queries):
        weights = fit_both([query for query in queries if query.repository not in held], names)
        rows += [(query, ndcg(query, query.features @ weights[query.is_symbol])) for query in queries if query.repository in held]
    return rows


def mean_of_means(rows: list[tuple[Query, float]], key) -> float:
    groups = defaultdict(list)
    for query, value in rows:
        groups[key(query)].append(value)
    return float(np.mean([np.mean(values) for values in groups.values()]))


def summary(rows: list[tuple[Query, float]]) -> dict[str, dict[str, float]]:
    """NDCG@10 by part: mean over repositories, and by category and language."""
    figures: dict[str, dict[str, float]] = {}
    for part in sorted({query.part for query, _ in rows}):
        of_part = [row for row in rows if row[0].part == part]
        figures[part] = {"repositories": mean_of_means(of_part, lambda query: query.repository)}
        for key in ("category", "language"):
            for value in sorted({getattr(query, key) for query, _ in of_part}):
                some = [row for row in of_part if getattr(row[0], key) == value]
                figures[part][f"{key}_{value}"] = mean_of_means(some, lambda query: query.repository)
    return figures


def write(path: pathlib.Path, names: dict, weights: dict[bool, np.ndarray], queries: list[Query], figures: dict) -> None:
    lines = [
        f"# Weights of the ranking stage, made by `make {path.stem.replace('ranking', 'rank')}` from labelled queries: a",
        "# candidate's score is the sum of its features, each times its weight here. What",
        "# the features are stands in crates/search/src/feature.rs.",
        "",
        "[trained]",
        f"queries = {len(queries)}",
        f"repositories = {len({query.repository for query in queries})}",
        "",
        "[diversity]",
        "# What each further chunk of a file loses.",
        f"same_file = {SAME_FILE}",
        "",
        "[context]",
        "# How far behind the best a span may be and still be context.",
        f"within = {WITHIN}",
    ]
    for part, values in figures.items():
        lines += ["", "# NDCG@10, cross-validated by repository.", f"[cross_validated.{part}]"]
        lines += [f'"{name}" = {value:.4f}' for name, value in values.items()]
    for kind, title, remark in ((False, "question", "Queries of several words."), (True, "symbol", "Queries that are one name.")):
        lines += ["", f"# {remark}", f"[{title}]"]
        lines += [f"{name} = {weight:.4f}" for name, weight in zip(names["features"], weights[kind])]
    path.write_text("\n".join(lines) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    names, queries = load_parts(arguments.part)
    figures = summary(cross_validated(queries, names))
    weights = fit_both(queries, names)
    write(arguments.out, names, weights, queries, figures)
    for part, values in figures.items():
        print(part, {name: round(value, 3) for name, value in values.items()})


if __name__ == "__main__":
    main()
