"""Makes (what one would ask -> code) pairs from the unpacked sources.

One heuristic for all languages: a comment directly above a definition, or a
docstring under it, says what the code does; the code is what follows by
indentation. No parser is needed, so any language costs one line below.
Output: $WHEREIN_TRAINING/pairs.jsonl.gz, one object a line.
"""

import ast
import collections
import gzip
import hashlib
import json
import multiprocessing
import os
import pathlib
import random
import re
import sys
import warnings

import tokenizer

WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
SOURCES = WORK / "sources"
SUFFIXES = {
    ".py": "python", ".js": "javascript", ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascript",
    ".ts": "typescript", ".tsx": "typescript", ".mts": "typescript", ".rs": "rust", ".go": "go", ".c": "c", ".h": "c",
    ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hpp": "cpp", ".hh": "cpp", ".java": "java", ".kt": "kotlin",
    ".scala": "scala", ".rb": "ruby", ".php": "php", ".lua": "lua", ".ml": "ocaml", ".mli": "ocaml", ".hs": "haskell",
    ".ex": "elixir", ".exs": "elixir", ".erl": "erlang", ".cs": "csharp", ".swift": "swift", ".sh": "bash",
    ".bash": "bash", ".zsh": "bash", ".jl": "julia", ".md": "markdown", ".rst": "markdown",
}
# Per language: the expression of a line comment, and what a definition's first line looks like.
C_LIKE = r"///?!?"
MODIFIERS = r"(?:(?:public|private|protected|internal|static|final|abstract|override|virtual|async|export|default|open|suspend|inline|sealed|readonly|unsafe|const|extern|implicit|lazy|case|data|partial|pub(?:\([a-z]+\))?)\s+)*"
LANGUAGES = {
    "javascript": (C_LIKE, MODIFIERS + r"(?:function\*?|class|const|let|var|get|set)\s+([A-Za-z_$][\w$]*)|^\s*(?:[\w.$]+\.)?([A-Za-z_$][\w$]*)\s*[=:]\s*(?:async\s+)?(?:function|\()|^\s*" + MODIFIERS + r"([A-Za-z_$][\w$]*)\s*\([^;]*\{\s*$"),
    "rust": (r"///|//!?", MODIFIERS + r"(?:fn|struct|enum|trait|impl|type|const|static|mod|macro_rules!|union)\s*(?:<[^>]*>)?\s*(\w+)"),
    "go": (r"//", r"(?:func\s+(?:\([^)]*\)\s*)?|type\s+|var\s+|const\s+)(\w+)"),
    "c": (C_LIKE, r"(?![#}])[^;=]*?\b(\w+)\s*\([^;]*$|(?:typedef\s+)?(?:struct|enum|union)\s+(\w+)|#\s*define\s+(\w+)\("),
    "java": (C_LIKE, r"(?:@\w+.*|" + MODIFIERS + r"(?:class|interface|enum|record|object)\s+(\w+)|" + MODIFIERS + r"[\w<>\[\],.? ]+\s+(\w+)\s*\()"),
    "kotlin": (C_LIKE, r"(?:@\w+.*|" + MODIFIERS + r"(?:fun|class|interface|object|val|var)\s+(?:<[^>]*>\s*)?(?:[\w<>?]+\.)?(\w+))"),
    "scala": (C_LIKE, r"(?:@\w+.*|" + MODIFIERS + r"(?:def|class|trait|object|val|type)\s+(\w+))"),
    "ruby": (r"#", r"(?:def|class|module)\s+(?:self\.)?([\w:?!=]+)|(?:attr_\w+|scope|define_method)\s+:(\w+)"),
    "php": (r"//|#", MODIFIERS + r"(?:function|class|interface|trait)\s+&?(\w+)"),
    "lua": (r"---?", r"(?:local\s+)?function\s+(?:[\w.]+[.:])?(\w+)|(?:local\s+)?(?:[\w.]+\.)?(\w+)\s*=\s*(?:function|\{)"),
    "ocaml": (r"(?!)", r"(?:let|and|val|type|module|external|class|method)\s+(?:rec\s+|inline\s+)?(\w+)"),
    "haskell": (r"--", r"(?:data|newtype|class|type|instance)\s+(?:.*=>\s*)?(\w+)|(\w+)\s*(?:,\s*\w+\s*)*::"),
    "elixir": (r"#", r"(?:defp?|defmacrop?|defmodule|defstruct)\s+([\w?!.]+)|@spec\s+(\w+)"),
    "erlang": (r"%+", r"(?:-spec\s+)?([a-z]\w*)\s*\("),
    "csharp": (C_LIKE, r"(?:\[[^\]]*\]|" + MODIFIERS + r"(?:class|interface|enum|struct)\s+(\w+)|" + MODIFIERS + r"[\w<>\[\],.? ]+\s+(\w+)\s*[({])"),
    "swift": (C_LIKE, r"(?:@\w+\s*)*" + MODIFIERS + r"(?:func|class|struct|enum|protocol|extension|var|let|init)\s*(\w*)"),
    "bash": (r"#", r"(?:function\s+)?([\w:-]+)\s*\(\)|function\s+(\w+)"),
    "julia": (r"#", r"(?:function|macro|struct|mutable struct|abstract type)\s+([\w!.]+)|(\w+)\([^=]*\)\s*="),
}
LANGUAGES["typescript"] = (C_LIKE, LANGUAGES["javascript"][1] + r"|^\s*" + MODIFIERS + r"(?:interface|type|enum|namespace|abstract\s+class)\s+(\w+)|^\s*" + MODIFIERS + r"(\w+)\??\s*(?:<[^>]*>)?\([^;]*[:{]")
LANGUAGES["cpp"] = (C_LIKE, r"(?:template\s*<.*|(?:class|struct|enum(?:\s+class)?|union|namespace)\s+(\w+)|(?![#}])[^;=]*?\b~?(\w+)\s*\([^;]*$|(?![#}])[^;=]*?\b(\w+)\s*\(.*\).*\{)")
COMPILED = {k: (re.compile(r"\s*(?:" + c + ")"), re.compile(r"\s*(?:" + d + ")")) for k, (c, d) in LANGUAGES.items()}
BLOCKS = {
    **dict.fromkeys("javascript typescript c cpp java kotlin scala php csharp swift rust go".split(), (re.compile(r"\s*/\*"), re.compile(r"\*/"))),
    "ocaml": (re.compile(r"\s*\(\*"), re.compile(r"\*\)")),
    "haskell": (re.compile(r"\s*\{-"), re.compile(r"-\}")),
    "lua": (re.compile(r"\s*--\[=*\["), re.compile(r"\]=*\]")),
    "ruby": (re.compile(r"=begin"), re.compile(r"=end")),
    "elixir": (re.compile(r'\s*@(?:module|type)?doc\s+(?:~S)?"""'), re.compile(r'^\s*"""')),
    "julia": (re.compile(r'\s*"""'), re.compile(r'"""\s*$')),
}
KEYWORDS = set("if for while switch match return else do try with when unless until case foreach new sizeof catch using assert".split())
MARKS = re.compile(r'^\s*(?:/\*+!?|\*+/|\*+(?=\s|$)|///?!?|//|#+|---?\s*\||--+|%+|\(\*+|\{-\|?|"""|@(?:module|type)?doc\s+(?:~S)?""")\s?|\s*(?:\*+/|\*+\)|-\}|""")\s*$')
CLOSING = re.compile(r"\s*(?:[})\]]|end\b|else|elif|elsif|catch|except|finally|rescue|ensure|when|then|done|fi|esac|where\b|in\b|\{|->|\||=|:|deriving)")
TAG_LINE = re.compile(r"^\s*(?:[@\\](?:param|returns?|throws?|see|since|author|type|exports?|private|public|deprecated|internal|example|group|category|package|var|copyright|license|template|memberof|name|function|method|class|file|ingroup|addtogroup|\w+\b)|:\w+|Args?:|Arguments:|Returns?:|Raises:|Parameters|Examples?\b|# Examples?|#+ |>>>|```|={3,}|-{3,}|\.\. )")
LICENCE = re.compile(r"copyright|licen[sc]e|all rights reserved|spdx|redistribut|eslint|pylint|noqa|istanbul|clang-format|generated by|do not edit|todo|fixme|@ts-|-\*-|vim:|@inheritdoc|see also|deprecated", re.I)
TAGS = re.compile(r"</?[a-zA-Z][^>]*>|\{@\w+\s+([^}]*)\}|`+")
# Pairs of one package and language at most, by registry: many small crates
# would outweigh the few packages that carry the rarer languages.
MAX_PAIRS = {"crates": 250, "npm": 700, "pypi": 700, "debian": 1500}
PACKAGE_BYTES = 8_000_000


def clean(lines: list[str]) -> str:
    """The first paragraph(s) of a comment as prose, without markers and tag sections."""
    kept, size = [], 0
    for line in lines:
        text = MARKS.sub("", line)
        text = MARKS.sub("", text).strip()
        if TAG_LINE.match(text) and (kept or not text.startswith(("@brief", "\\brief"))):
            if kept:
                break
            continue
        text = re.sub(r"^[@\\](?:brief|short|details|desc(?:ription)?)\s+", "", text)
        if not text:
            if size > 40:
                break
            continue
        kept.append(TAGS.sub(r" \1 ", text))
        size += len(text)
        if size > 400:
            break
    return " ".join(kept).strip()


def usable(doc: str) -> bool:
    words = doc.split()
    letters = sum(c.isalpha() for c in doc)
    return len(words) >= 3 and letters > 0.6 * len(doc.replace(" ", "")) and not LICENCE.search(doc)


def block_end(lines: list[str], start: int) -> int:
    """One past the last line of the definition that starts at `start`, by indentation."""
    first = lines[start]
    base = len(first) - len(first.lstrip())
    end = start + 1
    for at in range(start + 1, min(len(lines), start + 70)):
        line = lines[at]
        stripped = line.strip()
        if not stripped:
            continue
        indent = len(line) - len(line.lstrip())
        if indent < base or (indent == base and not CLOSING.match(line) and at - start > 0 and not open_header(lines[start:at])):
            break
        end = at + 1
        if indent == base and re.match(r"\s*(?:[}\]]\)?[;,)]*|end[;,)]*)\s*$", line):
            break
    return end


def open_header(lines: list[str]) -> bool:
    """Whether a definition is still in its head: attributes, return type, unclosed parentheses."""
    if len(lines) > 8:
        return False
    text = "\n".join(lines)
    last = lines[-1].strip()
    if text.count("(") > text.count(")"):
        return True
    return last.startswith(("@", "#[", "[", "template")) or (len(lines) == 1 and not re.search(r"[({=;:]", text)) or bool(re.match(r"\s*\w+\s*(?:,\s*\w+\s*)*::", lines[0]) and len(lines) < 6)


def commented(text: str, language: str):
    """(doc, name, code) of each definition with a comment right above it."""
    comment, definition = COMPILED[language]
    block = BLOCKS.get(language)
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if block and block[0].match(line):
            end = at
            body = line[block[0].match(line).end():]
            if not block[1].search(body):
                end += 1
                while end < len(lines) and not block[1].search(lines[end]):
                    end += 1
        elif comment.match(line):
            end = at
            while end + 1 < len(lines) and comment.match(lines[end + 1]):
                end += 1
        else:
            at += 1
            continue
        doc_lines, at = lines[at:end + 1], end + 1
        start = at
        while start < len(lines) and start < at + 6 and (lines[start].lstrip().startswith(("#[", "@")) and language not in {"java", "kotlin", "scala", "elixir"}):
            start += 1
        if start >= len(lines):
            continue
        match = definition.match(lines[start])
        if not match and language in {"c", "cpp"} and start + 1 < len(lines):
            match = definition.match(lines[start] + " " + lines[start + 1])
        if not match:
            continue
        name = next((g for g in match.groups() if g), "")
        name = "" if name in KEYWORDS else name
        stop = block_end(lines, at)
        doc = clean(doc_lines)
        if usable(doc):
            yield doc, name, "\n".join(lines[at:stop])


def python_docstrings(text: str):
    """(doc, name, code without its docstring) of each documented function and class."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text)
    lines = text.split("\n")
    stack = [tree]
    while stack:
        node = stack.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                stack.append(child)
                doc = ast.get_docstring(child, clean=False)
                if doc:
                    quoted = child.body[0]
                    prose = clean(doc.split("\n"))
                    code = lines[child.lineno - 1:quoted.lineno - 1] + lines[quoted.end_lineno:min(child.end_lineno, quoted.end_lineno + 60)]
                    if usable(prose):
                        yield prose, child.name, "\n".join(code)
                elif child.name.startswith("test_") and child.name.count("_") >= 3:
                    yield child.name[5:].replace("_", " "), child.name, "\n".join(lines[child.lineno:min(child.end_lineno, child.lineno + 60)])


TEST_NAME = re.compile(r"""^\s*(?:it|test|describe|context|specify|should)\s*\(?\s*["'`]([^"'`]{15,120})["'`]""")
TEST_FUNCTION = re.compile(r"^\s*(?:pub |public |async )*(?:fn|func|void|def|fun)\s+(test\w{12,80}|Test\w{12,80}|should\w{12,80}|test_\w{12,80})\s*\(")


def tests(text: str):
    """(words of the test's name, name, body)."""
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if match := TEST_NAME.match(line):
            yield match[1], "", "\n".join(lines[at + 1:block_end(lines, at)])
        elif match := TEST_FUNCTION.match(line):
            words = [w for part in tokenizer.words(match[1]) for w in tokenizer.parts(part)]
            if len(words) >= 4:
                yield " ".join(words[1:]), match[1], "\n".join(lines[at + 1:block_end(lines, at)])


def sections(text: str):
    """(heading, "", text below it) of a document."""
    lines = text.split("\n")
    heads = [i for i, l in enumerate(lines) if re.match(r"#{1,4} \S", l) or (i + 1 < len(lines) and len(l) > 8 and re.match(r"[=\-~^]{4,}\s*$", lines[i + 1]) and l.strip())]
    for number, head in enumerate(heads):
        end = heads[number + 1] if number + 1 < len(heads) else len(lines)
        body = "\n".join(lines[head + 1:min(end, head + 40)]).strip()
        title = lines[head].strip("# ").strip()
        if len(title.split()) >= 3 and len(body) > 150 and not LICENCE.search(title):
            yield TAGS.sub(" ", title), "", body


def package_pairs(folder: pathlib.Path) -> list[dict]:
    """At most so many pairs of a package and language, spread evenly over its files."""
    rng = random.Random(folder.as_posix())
    files = sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    rng.shuffle(files)
    by_language, size = collections.defaultdict(list), collections.Counter()
    package = "/".join(folder.parts[-2:])
    for path in files:
        language = SUFFIXES[path.suffix]
        if size[language] > PACKAGE_BYTES or len(by_language[language]) > 5000:
            continue
        try:
            text = path.read_bytes().decode("utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        size[language] += len(text)
        if len(text) > 50 and text.count("\n") < len(text) / 300:
            continue
        if path.name.endswith(".d.ts"):
            continue
        found = []
        try:
            if language == "python":
                found = [("doc", *f) for f in python_docstrings(text)]
            elif language == "markdown":
                found = [("section", *f) for f in sections(text)]
            else:
                found = [("doc", *f) for f in commented(text, language)]
                if re.search(r"test|spec", path.as_posix(), re.I):
                    found += [("test", *f) for f in tests(text)]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        if re.search(r"change|history|news|release", path.name, re.I) and language == "markdown":
            continue
        where = "/".join(path.relative_to(folder).parts[-3:])
        for kind, doc, name, code in found:
            if len(code) < 40 or code.count("\n") < 1:
                continue
            by_language[language].append({"package": package, "language": language, "kind": kind, "path": where, "doc": doc[:500], "name": name, "code": code[:3000]})
    out = []
    for language, pairs in by_language.items():
        rng.shuffle(pairs)
        limit = 150 if language == "markdown" else MAX_PAIRS.get(package.split("/")[0], 10**6)
        of_tests = [p for p in pairs if p["kind"] == "test"][: limit // 4]
        out += ([p for p in pairs if p["kind"] != "test"] + of_tests)[:limit]
    return out


def fingerprint(code: str) -> bytes:
    """The same for near copies: the same words in the same order, whatever the layout."""
    return hashlib.blake2b(" ".join(tokenizer.WORD.findall(code)).encode(), digest_size=8).digest()


def main() -> None:
    packages = sorted(p for r in SOURCES.iterdir() for p in r.iterdir() if p.is_dir())
    seen_code, seen_doc = set(), collections.Counter()
    counts = collections.Counter()
    with multiprocessing.Pool(2) as pool, gzip.open(WORK / "pairs.jsonl.gz", "wt", compresslevel=1) as out:
        for done, pairs in enumerate(pool.imap(package_pairs, packages, chunksize=4)):
            for pair in pairs:
                code = fingerprint(pair["code"])
                doc = pair["doc"].lower()
                seen_doc[doc] += 1
                if code in seen_code or seen_doc[doc] > 2:
                    continue
                seen_code.add(code)
                counts[pair["language"], pair["kind"]] += 1
                out.write(json.dumps(pair) + "\n")
            if done % 100 == 99:
                print(done + 1, "packages,", sum(counts.values()), "pairs", flush=True)
    for (language, kind), count in sorted(counts.items()):
        print(f"{language:12} {kind:8} {count}")
    print(sum(counts.values()), "pairs of", len(packages), "packages", file=sys.stderr)


if __name__ == "__main__":
    main()
