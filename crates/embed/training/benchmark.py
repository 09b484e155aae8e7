"""The model alone on labelled questions about real code bases: NDCG@10, a file by its best chunk, or over chunks where
the labels name lines.

    python benchmark.py NAME.npz LABELS=CORPUS ...

LABELS is a folder with repos.json and annotations/ or labels/ (shared/eval, crates/search/training), CORPUS holds the
repositories. The chunks are those of indexing (`wherein-bench chunks`). Binary gain, as the benchmark counts.
"""

import collections
import functools
import json
import math
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np

import pairs as pairs_module
import tokenizer
from extract import BENCH
from model import BODY, COMMENT, PATH, QUERY, SIGNATURE, Bags, Model
from prepare import FIELDS

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))


def repositories(labels: pathlib.Path, corpus: pathlib.Path):
    """(name, folder, queries) of each labelled repository that is there."""
    of = next(labels / n for n in ("annotations", "labels") if (labels / n).is_dir())
    for repository in json.loads((labels / "repos.json").read_text()):
        name, folder = repository["name"], corpus / repository["name"]
        if (of / f"{name}.json").exists() and folder.is_dir():
            root = folder / repository.get("benchmark_root", "")
            yield name, root if root.is_dir() else folder, json.loads((of / f"{name}.json").read_text())


@functools.cache
def cutter() -> tokenizer.Tokenizer:
    return tokenizer.Tokenizer((WORK / "vocab.txt").read_text().splitlines())


def ragged(texts: list[str], most: int) -> pairs_module.Ragged:
    return pairs_module.Ragged([np.array(cutter().encode(text, most), np.uint16) for text in texts])


def prepared(labels: pathlib.Path, corpus: pathlib.Path) -> list[dict]:
    """The token ids of all chunks and questions; kept in a file beside the vocabulary they are of."""
    kept = WORK / f"benchmark-{labels.resolve().parent.name}-{labels.name}.pickle"
    if kept.exists() and kept.stat().st_mtime > (WORK / "vocab.txt").stat().st_mtime:
        return pickle.loads(kept.read_bytes())
    found = []
    for name, root, queries in repositories(labels, corpus):
        lines = subprocess.run([BENCH, "chunks", root], capture_output=True, check=True, text=True).stdout.splitlines()
        chunks = [json.loads(line) for line in lines]
        fields = {"path": [pairs_module.path_words(c["path"]) for c in chunks]} | {n: [c[n] for c in chunks] for n in ("breadcrumb", "signature", "comment", "body")}
        found.append({
            "name": name, "places": [(c["path"], c["start_line"], c["end_line"]) for c in chunks], "targets": [targets(q) for q in queries],
            "category": [q.get("category", "") for q in queries],
            "query": ragged([q["query"] for q in queries], FIELDS["query"]), **{n: ragged(t, FIELDS[n]) for n, t in fields.items()},
        })
    kept.write_bytes(pickle.dumps(found, protocol=5))
    return found


def targets(query: dict) -> list[tuple]:
    """(path, first line, last line) of what answers; lines of 0 mean the whole file."""
    both = (*query.get("relevant", []), *query.get("secondary", []))
    return [(t, 0, 0) if isinstance(t, str) else (t["path"], t.get("start_line", 0), t.get("end_line", 0)) for t in both]


def answers(place: tuple, target: tuple) -> bool:
    """Whether a chunk is, or overlaps, what answers; its path may start further down than the labelled one."""
    (path, start, end), (wanted, first, last) = place, target
    named = path == wanted or wanted.endswith("/" + path) or path.endswith("/" + wanted)
    return named and (not last or (start <= last and end >= first))


def ndcg(model: Model, repository: dict) -> list[float]:
    """Of each question. Where labels name lines, chunks are what is ranked, else files."""
    size, here = model.size, np.arange(len(repository["places"]))
    parts = [(f, repository[n], here, here) for f, n in ((PATH, "path"), (PATH, "breadcrumb"), (SIGNATURE, "signature"), (COMMENT, "comment"), (BODY, "body"))]
    asked = np.arange(len(repository["targets"]))
    scores = model.embed(Bags(len(asked), [(QUERY, repository["query"], asked, asked)], size)) @ model.embed(Bags(len(here), parts, size)).T
    found = []
    for row, wanted in zip(scores, repository["targets"]):
        by_lines = any(last for _, _, last in wanted)
        listed: dict[tuple, None] = {}
        for at in np.argsort(-row, kind="stable"):
            place = repository["places"][at]
            listed.setdefault(place if by_lines else (place[0], 0, 0))
            if len(listed) == 10:
                break
        ranks = [next((r for r, place in enumerate(listed, 1) if answers(place, target)), 0) for target in wanted]
        ideal = sum(1 / math.log2(i + 1) for i in range(1, min(10, len(wanted)) + 1))
        found.append(sum(1 / math.log2(r + 1) for r in set(ranks) if r) / ideal if wanted else 0.0)
    return found


def main() -> None:
    model = Model.first() if sys.argv[1] == "first" else Model.load(WORK / sys.argv[1])
    for argument in sys.argv[2:]:
        labels, corpus = map(pathlib.Path, argument.split("="))
        by_name, by_category = {}, collections.defaultdict(list)
        for repository in prepared(labels, corpus):
            values = ndcg(model, repository)
            by_name[repository["name"]] = float(np.mean(values))
            for value, category in zip(values, repository["category"]):
                by_category[category].append(value)
        categories = " ".join(f"{k} {np.mean(v):.3f}" for k, v in sorted(by_category.items()))
        print(f"{labels}: NDCG@10 {np.mean(list(by_name.values())):.4f}; {categories};", json.dumps({k: round(v, 3) for k, v in by_name.items()}))


if __name__ == "__main__":
    main()
