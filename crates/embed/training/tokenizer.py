"""The tokenizer of the shipped model, rule for rule the same as src/tokenizer.rs.

words() and parts() are crates/core/src/words.rs; tests/data/tokens.txt holds
both implementations to the same answers.
"""

import functools

import regex

MAX_WORD_BYTES = 128
MAX_PIECES = 8
# How often one token counts in a text, and how many tokens are read for each one kept.
OCCURRENCES = 3
READ_PER_KEPT = 4

WORD = regex.compile(r"[\p{Alphabetic}\p{N}_]+")
LOWER = regex.compile(r"\p{Lowercase}")
UPPER = regex.compile(r"\p{Uppercase}")
NUMERIC = regex.compile(r"\p{N}")


@functools.cache
def char_class(c: str) -> str:
    if LOWER.match(c):
        return "l"
    if UPPER.match(c):
        return "u"
    if NUMERIC.match(c):
        return "d"
    return "o" if c == "_" else "l"


def cut(identifier: str) -> list[str]:
    """The parts of an identifier as written: identifier_parts of words.rs."""
    found, start, previous, letters = [], 0, "o", "o"
    for at, c in enumerate(identifier):
        current = char_class(c)
        if previous == "o" or current == "o":
            boundary = True
        elif previous in "ld" and current == "u":
            boundary = True
        elif previous == "d" and current == "l":
            boundary = letters == "o"
        elif previous == "u" and current == "u":
            boundary = at + 1 < len(identifier) and char_class(identifier[at + 1]) == "l"
        else:
            boundary = False
        if boundary:
            if at > start and previous != "o":
                found.append(identifier[start:at])
            start = at
        if current != "d":
            letters = current
        previous = current
    if previous != "o" and start < len(identifier):
        found.append(identifier[start:])
    return found


@functools.lru_cache(maxsize=1 << 19)
def parts(word: str) -> tuple[str, ...]:
    """The lower-case parts of a word; none when it is too long to be language."""
    if len(word.encode()) > MAX_WORD_BYTES:
        return ()
    return tuple(part.lower() for part in cut(word))


def words(text: str) -> list[str]:
    return WORD.findall(text)


class Tokenizer:
    def __init__(self, vocabulary: list[str]):
        self.whole = {e: i for i, e in enumerate(vocabulary) if i and not e.startswith("##")}
        self.pieces = {e[2:]: i for i, e in enumerate(vocabulary) if i and e.startswith("##")}
        self.longest = max(len(e) for e in (*self.whole, *self.pieces))
        self.word_ids = functools.lru_cache(maxsize=1 << 20)(self._word_ids)

    def _word_ids(self, word: str) -> tuple[int, ...]:
        ids = []
        for part in parts(word):
            if part in self.whole:
                ids.append(self.whole[part])
                continue
            at = found = 0
            while at < len(part) and found < MAX_PIECES:
                table = self.pieces if at else self.whole
                for end in range(min(len(part), at + self.longest), at, -1):
                    if part[at:end] in table:
                        ids.append(table[part[at:end]])
                        found += 1
                        at = end
                        break
                else:
                    at += 1
        return tuple(ids)

    def encode(self, text: str, most: int) -> list[int]:
        """The ids of the first tokens, each at most OCCURRENCES times, `most` in all."""
        read: list[int] = []
        for word in WORD.finditer(text):
            read.extend(self.word_ids(word[0]))
            if len(read) >= READ_PER_KEPT * most:
                break
        kept, seen = [], {}
        for token in read[: READ_PER_KEPT * most]:
            count = seen[token] = seen.get(token, 0) + 1
            if count <= OCCURRENCES:
                kept.append(token)
                if len(kept) == most:
                    break
        return kept
