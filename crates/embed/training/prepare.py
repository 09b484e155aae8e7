"""Turns the pairs into token ids once, so that training reads arrays only."""

import collections
import multiprocessing
import os
import pathlib
import pickle
import random

import numpy as np

import extract
import pairs as pairs_module
import tokenizer

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
SIF = 1e-3
KINDS = ("query", "name", "plain", "masked")


def benchmark_copies() -> tuple[dict[str, set[bytes]], set[str]]:
    """Fingerprints of the code, and the docs, of the benchmark's development
    repositories ($EVAL_CORPUS, made by shared/eval/dev_from_registry.py): other
    packages carry copies of some, which must not be trained on."""
    corpus = os.environ.get("EVAL_CORPUS")
    codes, docs = collections.defaultdict(set), set()
    for folder in pathlib.Path(corpus).iterdir() if corpus else ():
        for pair in extract.package_pairs(folder):
            codes[pair["name"]].add(extract.fingerprint(pair["code"]))
            if len(pair["doc"]) > 40:
                docs.add(pair["doc"].lower())
    return codes, docs


def start(entries: list[str]) -> None:
    global cutter
    cutter = tokenizer.Tokenizer(entries)


def cut(pair: dict) -> list[np.ndarray]:
    """Token ids of one pair's four texts."""
    texts = pair["doc"], pair["name"], pairs_module.document(pair, False), pairs_module.document(pair, True)
    limits = tokenizer.QUERY_TOKENS, tokenizer.QUERY_TOKENS, tokenizer.DOCUMENT_TOKENS, tokenizer.DOCUMENT_TOKENS
    return [np.array(cutter.encode(t, m), np.int32) for t, m in zip(texts, limits)]


def main() -> None:
    entries = (WORK / "vocab.txt").read_text().splitlines()
    everything = list(pairs_module.read(WORK))
    codes, docs = benchmark_copies()
    before = len(everything)
    everything = [p for p in everything if p["doc"].lower() not in docs and not (p["name"] in codes and extract.fingerprint(p["code"]) in codes[p["name"]])]
    print(before - len(everything), "pairs left out as copies of the benchmark's")
    random.Random(7).shuffle(everything)
    arrays = {}
    for part in ("train", "valid", "test"):
        chosen = [p for p in everything if pairs_module.part_of(p["package"]) == part]
        with multiprocessing.Pool(2, start, (entries,)) as pool:
            rows = list(pool.imap(cut, chosen, chunksize=2000))
        arrays[part] = {kind: pairs_module.Ragged([row[at] for row in rows]) for at, kind in enumerate(KINDS)} | {
            "package": np.unique([p["package"] for p in chosen], return_inverse=True)[1],
            "language": np.array([p["language"] for p in chosen]),
            "kind": np.array([p["kind"] for p in chosen]),
        }
        print(part, len(chosen), "pairs", flush=True)
    counts = np.bincount(arrays["train"]["plain"].ids, minlength=len(entries)).astype(np.float64)
    np.save(WORK / "sif.npy", (SIF / (SIF + counts / counts.sum())).astype(np.float32))
    with open(WORK / "prepared.pickle", "wb") as file:
        pickle.dump(arrays, file, protocol=5)


if __name__ == "__main__":
    main()
