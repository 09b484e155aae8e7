"""Reads the pairs, splits them by package, and says what of a pair the model is shown."""

import collections
import functools
import gzip
import hashlib
import itertools
import json
import pathlib
import re

import numpy as np

from fetch import EXCLUDE, excluded

# The pools that retrieval is measured on: so many documented functions of each of these languages at least.
POOL_LANGUAGES = ("c", "cpp", "go", "java", "javascript", "php", "python", "ruby", "rust", "typescript")
POOL = 2000
# Of one package at most, so that a pool is not one project; the split counts fewer, since some are dropped later.
POOL_OF_A_PACKAGE = 350
# What the split puts aside for a pool, and to decide when to stop: more than is used, since copies are dropped later.
TEST_DOCS, TEST_OF_A_PACKAGE, VALID_DOCS, VALID_OF_A_PACKAGE = 2300, 250, 500, 100
# Packages whose documented functions are many would be lost to training.
LARGE = 900


@functools.cache
def is_excluded(package: str) -> bool:
    return excluded(package.partition("/")[2].replace("__", "/"), EXCLUDE)


def read(work: pathlib.Path, every: int = 1):
    """The pairs, or one of `every`; those of packages that were excluded after they were fetched are left out."""
    with gzip.open(work / "pairs.jsonl.gz", "rt") as lines:
        for line in itertools.islice(lines, 0, None, every):
            pair = json.loads(line)
            if not is_excluded(pair["package"]):
                yield pair


def family(package: str) -> str:
    """What packages of one project have in common: `crates/wasmtime-environ` and `crates/wasmtime` are one family."""
    registry, _, name = package.partition("/")
    if name.startswith("@"):
        return f"{registry}/{name.split('__')[0]}"
    plain = re.sub(r"^(golang-(github|gopkg|google|go\.uber|golang-x)-|ruby-|haskell-|php-|lua-|lib|ocaml-|erlang-|python3?-|react-native-|expo-)", "", name)
    return f"{registry}/{re.split(r'[-_.]', plain)[0]}"


def is_documented_function(pair: dict) -> bool:
    return pair["kind"] == "doc" and pair["definition"] in ("function", "method")


def split(everything: list[dict]) -> dict[str, str]:
    """Package -> `train`, `valid` or `test`, whole families together, by a fixed order: for each language
    packages are put aside until its pool is full, then until there is enough to decide when to stop."""
    counts: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for pair in everything:
        if is_documented_function(pair):
            counts[pair["package"]][pair["language"]] += 1
    members = collections.defaultdict(set)
    for pair in everything:
        members[family(pair["package"])].add(pair["package"])
    order = sorted(members, key=lambda f: hashlib.blake2b(f.encode(), digest_size=8).digest())
    part: dict[str, str] = {}
    for name, wanted, most in (("test", TEST_DOCS, TEST_OF_A_PACKAGE), ("valid", VALID_DOCS, VALID_OF_A_PACKAGE)):
        for language in POOL_LANGUAGES:
            has = sum(min(counts[p][language], most) for p, where in part.items() if where == name)
            for whole_families in (True, False):
                for one in order:
                    here = [p for p in members[one] if p not in part]
                    size = sum(sum(counts[p].values()) for p in here)
                    found = sum(min(counts[p][language], most) for p in here)
                    if has >= wanted or found < 20 or (whole_families and size > LARGE):
                        continue
                    part |= dict.fromkeys(here, name)
                    has += found
    return {package: part.get(package, "train") for package in itertools.chain(*members.values())}


def path_words(path: str) -> str:
    """path_words of src/document.rs."""
    path = "/".join(path.split("/")[-3:])
    folder, slash, name = path.rpartition("/")
    dot = name.rfind(".")
    return folder + slash + (name[:dot] if dot > 0 else name)


def mask(name: str, code: str) -> str:
    """The code without its own name, so that the question cannot be answered by it."""
    return re.sub(rf"\b{re.escape(name)}\b", " ", code) if len(name) > 2 else code


def body(pair: dict) -> str:
    """The code after the signature, which is a field of its own."""
    return pair["code"].removeprefix(pair["signature"])


class Ragged:
    """Token ids of many texts: one array, and where each text starts."""

    def __init__(self, rows: list[np.ndarray]):
        self.starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(r) for r in rows], out=self.starts[1:])
        self.ids = np.concatenate(rows).astype(np.uint16)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(ids, pointers) of some rows, as a sparse matrix in CSR form has them."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        pointers = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=pointers[1:])
        at = np.arange(pointers[-1]) - np.repeat(pointers[:-1], lengths) + np.repeat(self.starts[rows], lengths)
        return self.ids[at].astype(np.int64), pointers

    def select(self, rows: np.ndarray) -> "Ragged":
        """The rows as a new array."""
        ids, pointers = self.take(rows)
        chosen = Ragged.__new__(Ragged)
        chosen.ids, chosen.starts = ids.astype(np.uint16), pointers
        return chosen
