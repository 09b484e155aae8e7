"""Turns the pairs into token ids once, so that training reads arrays only; drops copies of what is measured on."""

import collections
import multiprocessing
import os
import pathlib
import pickle
import random
import zlib

import numpy as np

import extract
import pairs as pairs_module
import tokenizer

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
REPOSITORY = pathlib.Path(__file__).parents[3]
SIF = 1e-3
# The texts of a pair, and how many tokens are read of each. The fields of a
# document stand apart, since they weigh differently; `masked_` ones lack the own name.
FIELDS = {
    "query": 64, "name": 16, "path": 24, "breadcrumb": 24, "signature": 64, "comment": 128,
    "body": 256, "masked_signature": 64, "masked_body": 256,
}
# A text is a near copy when so many of its runs of words are in the corpora that are measured on.
RUN, NEAR, SHORT = 6, 0.5, 12


def runs(code: str) -> np.ndarray:
    """Hashes of the runs of RUN words of a text, `uint64`."""
    words = np.array([zlib.crc32(w.encode()) for w in tokenizer.words(code)], np.uint64)
    if len(words) < RUN:
        return np.zeros(0, np.uint64)
    found = np.zeros(len(words) - RUN + 1, np.uint64)
    with np.errstate(over="ignore"):
        for at in range(RUN):
            found = found * np.uint64(0x9E3779B97F4A7C15) + words[at:len(words) - RUN + 1 + at]
    return found


class Benchmark:
    """What must not be trained on: the benchmark's development repositories ($EVAL_CORPUS, made by
    shared/eval/dev_from_registry.py) and the fixtures of this repository; other packages carry copies of some."""

    def __init__(self) -> None:
        corpus = os.environ.get("EVAL_CORPUS")
        folders = [*(pathlib.Path(corpus).iterdir() if corpus else ()), REPOSITORY / "fixtures"]
        self.codes, self.docs, found = collections.defaultdict(set), set(), []
        for folder in folders:
            for pair in extract.all_pairs(folder):
                self.codes[pair["name"]].add(extract.fingerprint(pair["code"]))
                if len(pair["doc"]) > 40:
                    self.docs.add(pair["doc"].lower())
                found.append(runs(pair["code"]))
        self.runs = np.unique(np.concatenate(found))

    def why(self, pair: dict) -> str:
        """How a pair repeats the benchmark, empty when it does not."""
        if pair["doc"].lower() in self.docs:
            return "same doc"
        if pair["name"] in self.codes and extract.fingerprint(pair["code"]) in self.codes[pair["name"]]:
            return "same code"
        own = runs(pair["code"])
        if len(own) < SHORT:
            return ""
        at = np.minimum(np.searchsorted(self.runs, own), len(self.runs) - 1)
        return "near copy" if (self.runs[at] == own).mean() >= NEAR else ""


def start(entries: list[str], measured_on: Benchmark) -> None:
    global cutter, benchmark
    cutter, benchmark = tokenizer.Tokenizer(entries), measured_on


def cut(pair: dict) -> str | list[np.ndarray]:
    """Token ids of the texts of one pair, or why it is left out."""
    if reason := benchmark.why(pair):
        return reason
    texts = {
        "query": pair["doc"], "name": pair["name"], "path": pairs_module.path_words(pair["path"]), "breadcrumb": pair["breadcrumb"],
        "signature": pair["signature"], "comment": pair["comment"], "body": pairs_module.body(pair),
        "masked_signature": pairs_module.mask(pair["name"], pair["signature"]),
        "masked_body": pairs_module.mask(pair["name"], pairs_module.body(pair)),
    }
    return [np.array(cutter.encode(texts[field], most), np.uint16) for field, most in FIELDS.items()]


def main() -> None:
    entries = (WORK / "vocab.txt").read_text().splitlines()
    everything = list(pairs_module.read(WORK))
    random.Random(7).shuffle(everything)
    part = pairs_module.split(everything)
    with multiprocessing.Pool(2, start, (entries, Benchmark())) as pool:
        cuts = list(pool.imap(cut, everything, chunksize=2000))
    why = collections.Counter(one for one in cuts if isinstance(one, str))
    print("left out as in the benchmark:", dict(why), flush=True)
    kept = [(pair, one) for pair, one in zip(everything, cuts) if not isinstance(one, str)]
    arrays = {}
    for name in ("train", "valid", "test"):
        chosen, rows = zip(*((pair, one) for pair, one in kept if part[pair["package"]] == name))
        arrays[name] = {field: pairs_module.Ragged([row[at] for row in rows]) for at, field in enumerate(FIELDS)} | {
            "package": np.unique([p["package"] for p in chosen], return_inverse=True)[1],
            "language": np.array([p["language"] for p in chosen]),
            "kind": np.array([p["kind"] for p in chosen]),
            "function": np.array([pairs_module.is_documented_function(p) for p in chosen]),
        }
        print(name, len(chosen), "pairs of", len({p["package"] for p in chosen}), "packages", flush=True)
    counts = np.bincount(arrays["train"]["body"].ids, minlength=len(entries)).astype(np.float64)
    np.save(WORK / "sif.npy", (SIF / (SIF + counts / counts.sum())).astype(np.float32))
    with open(WORK / "prepared.pickle", "wb") as file:
        pickle.dump(arrays, file, protocol=5)
    # The texts of the pools, for models that bring a tokenizer of their own.
    with open(WORK / "pools.pickle", "wb") as file:
        pickle.dump([p for p, _ in kept if part[p["package"]] == "test" and pairs_module.is_documented_function(p)], file, protocol=5)


if __name__ == "__main__":
    main()
