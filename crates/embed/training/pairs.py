"""Reads the pairs, splits them by package, and turns them into token ids."""

import gzip
import hashlib
import itertools
import json
import pathlib
import re

import numpy as np

import tokenizer


def read(work: pathlib.Path, every: int = 1):
    """The pairs, or one of `every`."""
    with gzip.open(work / "pairs.jsonl.gz", "rt") as lines:
        for line in itertools.islice(lines, 0, None, every):
            yield json.loads(line)


def part_of(package: str) -> str:
    """Which part of the data a package is in, by its name alone: about one in
    forty decides when to stop (valid), one in forty is only measured (test)."""
    place = hashlib.blake2b(package.encode(), digest_size=4).digest()[0]
    return "valid" if place < 6 else "test" if place < 13 else "train"


def path_words(path: str) -> str:
    """path_words of src/document.rs."""
    path = "/".join(path.split("/")[-3:])
    folder, slash, name = path.rpartition("/")
    dot = name.rfind(".")
    return folder + slash + (name[:dot] if dot > 0 else name)


def mask(name: str, code: str) -> str:
    """The code without its own name, so that the question cannot be answered by it."""
    return re.sub(rf"\b{re.escape(name)}\b", " ", code) if len(name) > 2 else code


def document(pair: dict, masked: bool) -> str:
    """What is embedded of a pair's code: document_input of src/document.rs without the doc."""
    if masked:
        return mask(pair["name"], pair["code"])
    return "\n".join(part for part in (path_words(pair["path"]), pair["name"], pair["code"]) if part)


class Ragged:
    """Token ids of many texts: one array, and where each text starts."""

    def __init__(self, rows: list[np.ndarray]):
        self.starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(r) for r in rows], out=self.starts[1:])
        self.ids = np.concatenate(rows).astype(np.int32)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def take(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(ids, pointers) of some rows, as a sparse matrix in CSR form has them."""
        lengths = self.starts[rows + 1] - self.starts[rows]
        pointers = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=pointers[1:])
        at = np.arange(pointers[-1]) - np.repeat(pointers[:-1], lengths) + np.repeat(self.starts[rows], lengths)
        return self.ids[at], pointers

