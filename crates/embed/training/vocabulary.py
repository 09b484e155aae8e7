"""Chooses the vocabulary: frequent word parts whole, and pieces from which every other part can be built."""

import collections
import itertools
import os
import pathlib

import pairs as pairs_module
import tokenizer

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
ENTRIES = 30_000
PIECES = 3_000
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def count_parts(pairs) -> tuple[collections.Counter, collections.Counter]:
    """How often each part occurs, and in how many packages."""
    total, packages = collections.Counter(), collections.Counter()
    for _, group in itertools.groupby(pairs, lambda pair: pair["package"]):
        words = collections.Counter()
        for pair in group:
            for text in (pair["doc"], pair["comment"], pair["code"], pair["path"]):
                words.update(tokenizer.words(text))
        found = collections.Counter()
        for word, count in words.items():
            for part in tokenizer.parts(word):
                found[part] += count
        total.update(found)
        packages.update(found.keys())
    return total, packages


def language_like(part: str) -> bool:
    """Whether a part is a word rather than data: not mostly digits, not endless."""
    return 1 <= len(part) <= 24 and sum(c.isdigit() for c in part) <= max(3, len(part) // 3)


def choose(total: collections.Counter, packages: collections.Counter) -> list[str]:
    # A part is worth an entry by how many packages know it, then by how often it occurs.
    whole = [p for p in total if language_like(p) and packages[p] >= 3]
    whole.sort(key=lambda p: (-packages[p] * min(total[p], 50 * packages[p]) ** 0.5, p))
    whole = list(dict.fromkeys([*ALPHABET, *whole]))[: ENTRIES - PIECES - 1 - len(ALPHABET)]
    known = set(whole)
    # Pieces: substrings that continue the parts that got no entry, by the characters they save.
    suffixes = collections.Counter()
    for part, count in total.items():
        if part not in known and len(part) <= 24:
            weight = min(count, 20)
            for start in range(1, len(part)):
                for end in range(start + 2, min(len(part), start + 10) + 1):
                    suffixes[part[start:end]] += weight
    best = sorted(suffixes, key=lambda s: (-suffixes[s] * (len(s) - 1), s))
    pieces = list(dict.fromkeys([*ALPHABET, *best]))[: PIECES + len(ALPHABET)]
    return ["[PAD]", *whole, *("##" + p for p in pieces)]


def main() -> None:
    total, packages = count_parts(pairs_module.read(WORK, every=2))
    entries = choose(total, packages)
    (WORK / "vocab.txt").write_text("\n".join(entries) + "\n")
    cutter = tokenizer.Tokenizer(entries)
    covered = sum(count for part, count in total.items() if part in cutter.whole)
    print(len(entries), "entries;", f"{covered / sum(total.values()):.4f} of all parts are one entry")


if __name__ == "__main__":
    main()
