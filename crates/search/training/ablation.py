"""What each group of features is worth: the ranker is trained without it, cross-validated by repository.

    ablation.py --part own=FOLDER [--part mined=FOLDER] [--part development=FOLDER] --json benches/ablation.json --readme README.md
"""

import argparse
import json
import pathlib

import numpy as np
import train

GROUPS = {
    "words of the chunk (BM25, coverage)": "words words_rank covered heading phrase",
    "meaning of the chunk (vectors)": "meaning cosine meaning_rank",
    "words of the whole file": "file_words file_best file_covered file_heading file_density file_hits_words",
    "meaning of the whole file": "file_meaning file_meaning_three file_meaning_mean file_hits_meaning",
    "words of the path": "path folders file_name file_name_asked file_name_is path_asked line_asked",
    "names of definitions": "symbol_words symbol_asked symbol_is symbol_loose symbol_exact symbol_qualified breadcrumb is_namesake",
    "kind, size and place of the chunk": "is_type is_function is_impl is_loose size is_first",
    "what the file is for (test, example, vendored, built, prose, data)": "test example vendored built prose data role_asked",
    "other priors of the file": "untold_name mixed_name past inner other_platform declares file_size depth",
    "all that vectors say": "meaning cosine meaning_rank file_meaning file_meaning_three file_meaning_mean file_hits_meaning",
    "all that words say": "words words_rank covered heading phrase file_words file_best file_covered file_heading file_density file_hits_words",
}
START, END = "<!-- ablation: made by `make ablation` -->", "<!-- end of ablation -->"


def without(queries: list[train.Query], names: dict, group: str) -> dict[str, float]:
    """NDCG@10 by part when these features are always 0."""
    columns = [names["features"].index(name) for name in group.split()]
    kept = [query.features for query in queries]
    for query in queries:
        query.features = query.features.copy()
        query.features[:, columns] = 0.0
    rows = train.cross_validated(queries, names)
    for query, features in zip(queries, kept):
        query.features = features
    return {part: figures["repositories"] for part, figures in train.summary(rows).items()}


def hand(queries: list[train.Query], names: dict) -> dict[str, float]:
    weights = {True: np.array(names["symbol"]), False: np.array(names["question"])}
    rows = [(query, train.ndcg(query, query.features @ weights[query.is_symbol])) for query in queries]
    return {part: figures["repositories"] for part, figures in train.summary(rows).items()}


def arms(folder: pathlib.Path) -> dict[str, dict[str, float]]:
    """NDCG@10 of each arm alone, from reports named PART-MODE.json."""
    found: dict[str, dict[str, float]] = {}
    for title, mode in (("words alone", "lexical"), ("meaning alone", "semantic"), ("names alone", "symbol")):
        for report in sorted(folder.glob(f"*-{mode}.json")):
            part = report.stem.removesuffix(f"-{mode}")
            found.setdefault(title, {})[part] = json.loads(report.read_text())["ndcg10_repository_mean"]
    return found


def table(figures: dict[str, dict[str, float]]) -> str:
    whole = figures["all features"]
    parts = list(whole)
    lines = ["| NDCG@10, cross-validated by repository | " + " | ".join(parts) + " |", "|---|" + "---:|" * len(parts)]
    for name, values in figures.items():
        is_whole = name == "all features" or name.endswith(("by hand", " alone"))
        title = name if is_whole else f"without {name}"
        cells = [
            f"{values[part]:.3f}" + ("" if name == "all features" else f" ({values[part] - whole[part]:+.3f})") if part in values else ""
            for part in parts
        ]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", action="append", required=True, metavar="NAME=FOLDER")
    parser.add_argument("--arms", type=pathlib.Path, help="folder with PART-MODE.json of `wherein eval --mode`")
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--readme", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    names, queries = train.load_parts(arguments.part)
    figures = {"all features": {part: values["repositories"] for part, values in train.summary(train.cross_validated(queries, names)).items()}}
    figures["weights set by hand"] = hand(queries, names)
    figures |= arms(arguments.arms) if arguments.arms else {}
    for title, group in GROUPS.items():
        figures[title] = without(queries, names, group)
        print(title, figures[title], flush=True)
    arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    text = arguments.readme.read_text()
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    arguments.readme.write_text(before + START + "\n" + table(figures) + "\n" + END + after)


if __name__ == "__main__":
    main()
