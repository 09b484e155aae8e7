"""Why queries are missed: what each cause costs of NDCG@10, cross-validated by repository.

    misses.py --part own=FOLDER [--part development=FOLDER] [--list PART]

*candidate*: no arm brought a chunk of the answer. *chunk*: the right file was listed, by a
chunk outside the labelled lines. *twin*: what was listed before is in a file of the same name as
the answer's. *rank*: all else. Whether a label is wrong no program can tell.
"""

import argparse
from collections import defaultdict

import numpy as np
import train


def cause(query: train.Query, scores: np.ndarray) -> str:
    if not query.hits.any(axis=0).all():
        return "candidate"
    order = train.listed(query, scores, 50)
    late = [target for target in range(query.targets) if not query.hits[order[: query.targets], target].any()]
    right_files = {query.file[row] for row in np.flatnonzero(query.hits[:, late].any(axis=1))}
    if any(query.file[row] in right_files for row in order[: query.targets]):
        return "chunk"
    name = lambda row: query.paths[row].rsplit("/", 1)[-1]
    right_names = {name(row) for row in np.flatnonzero(query.relevant)}
    if any(name(row) in right_names for row in order[: query.targets] if not query.relevant[row]):
        return "twin"
    return "rank"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--list", metavar="PART", help="names each miss of a part")
    arguments = parser.parse_args()
    names, queries = train.load_parts(arguments.part)
    lost: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for held in train.folds(queries):
        weights = train.fit_both([query for query in queries if query.repository not in held], names)
        for query in (query for query in queries if query.repository in held):
            scores = query.features @ weights[query.is_symbol]
            value = train.ndcg(query, scores)
            if value < 1:
                lost[query.part][cause(query, scores)].append(1 - value)
                if query.part == arguments.list:
                    print(f"{value:.2f} {cause(query, scores):9} {query.repository}: {query.text}")
    for part, causes in lost.items():
        whole = sum(map(sum, causes.values()))
        count = sum(query.part == part for query in queries)
        print(f"{part}: {whole / count:.3f} lost a query;", ", ".join(
            f"{name} {sum(values) / whole:.0%} ({len(values)} queries)" for name, values in sorted(causes.items(), key=lambda one: -sum(one[1]))
        ))


if __name__ == "__main__":
    main()
