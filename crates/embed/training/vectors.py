"""Writes tests/data/tokens.txt: texts and the entries they are cut into, by the Python tokenizer.

The Rust tests read it, so a difference between the two tokenizers is a failing
test. Run again whenever the vocabulary changes.
"""

import pathlib

import tokenizer

CRATE = pathlib.Path(__file__).parent.parent
TEXTS = [
    "parseHTTPHeader", "HTTPServer", "snake_case_name", "SCREAMING_CASE", "__init__", "utf8Decode", "sha256", "SHA256Hash",
    "base64url", "x", "_", "IOError getX v2 _2fast", "größeÄndern", "fn log_in(user: &User) -> bool", "数据库 connection",
    "İstanbul ΣΊΣΥΦΟΣ straße", "ﬁle ﬂow", "x²y³ ½", "XMLHttpRequest2Factory", "aB1cD2", "ABC123Def", "123abc 4ab5",
    "where is the user's password checked when signing in?", "return Ok(Self { number: NEXT.fetch_add(1, Ordering::Relaxed) });",
    "if (x == null || y.length() > 0x7fffffff) {\\n\\treturn -1;\\n}", "zyxwvutsrqponm qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq",
    "d41d8cd98f00b204e9800998ecf8427e", "тест Проверка привет", "naïve café", "kubernetesIngressController",
    "deserialization unparseable reinitializable", "e.g. don't can't", "std::collections::HashMap<String, Vec<u8>>",
    "$variable @decorator #define MAX_PATH 260", "a" * 129 + " b", "a" * 128 + " b", "camelCaseWithÜmlautÄndÖther", "ǅungla ǆ Ǆ",
    "emoji 🎉 party", "a a b a a c a", "tab\\tseparated\\twords", "हिन्दी शब्द", "i̇ıI", "ªº ⅷ Ⅷ ①", "",
]


def main() -> None:
    entries = (CRATE / "model" / "vocab.txt").read_text().splitlines()
    cutter = tokenizer.Tokenizer(entries)
    lines = ["# Written by training/vectors.py: a text, then the entries of the shipped vocabulary it is cut into."]
    for text in TEXTS:
        plain = text.replace("\\n", "\n").replace("\\t", "\t")
        lines += ["> " + text, " ".join(entries[i] for i in cutter.encode(plain, 256))]
    target = CRATE / "tests" / "data" / "tokens.txt"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
