//! Abbreviations of the trade, and the words they stand for: a question says
//! one where the code says the other.

/// Each row are words for one thing, in lower case and as they are written in
/// full; the first is the usual abbreviation.
const SAME: &[&[&str]] = &[
    &["addr", "address"],
    &["alloc", "allocate", "allocator"],
    &["args", "arguments"],
    &["arg", "argument"],
    &["async", "asynchronous"],
    &["attr", "attribute"],
    &[
        "auth",
        "authentication",
        "authorization",
        "authenticate",
        "authorize",
    ],
    &["buf", "buffer"],
    &["calc", "calculate"],
    &["cb", "callback"],
    &["cert", "certificate"],
    &["cfg", "config", "configuration", "settings"],
    &["char", "character"],
    &["chk", "check"],
    &["cmd", "command"],
    &["cmp", "compare"],
    &["col", "column"],
    &["concat", "concatenate"],
    &["conn", "connection"],
    &["ctrl", "control", "controller"],
    &["ctx", "context"],
    &["db", "database"],
    &["decl", "declaration"],
    &["decr", "decrement"],
    &["def", "definition", "default"],
    &["del", "delete", "remove"],
    &["deps", "dependencies"],
    &["dep", "dependency"],
    &["deser", "deserialize"],
    &["dest", "dst", "destination"],
    &["dict", "dictionary"],
    &["dir", "directory", "folder"],
    &["dist", "distance"],
    &["doc", "docs", "documentation"],
    &["elem", "element"],
    &["enc", "encode", "encoding"],
    &["env", "environment"],
    &["err", "error"],
    &["eval", "evaluate"],
    &["evt", "event"],
    &["exec", "execute"],
    &["expr", "expression"],
    &["ext", "extension"],
    &["fmt", "format"],
    &["fn", "func", "function"],
    &["freq", "frequency"],
    &["fs", "filesystem"],
    &["gen", "generate"],
    &["hdr", "header"],
    &["i18n", "internationalization", "locale"],
    &["idx", "index"],
    &["img", "image"],
    &["impl", "implementation"],
    &["info", "information"],
    &["init", "initialize", "initialization"],
    &["iter", "iterator"],
    &["lang", "language"],
    &["len", "length"],
    &["lib", "library"],
    &["lit", "literal"],
    &["loc", "location"],
    &["max", "maximum"],
    &["mem", "memory"],
    &["meta", "metadata"],
    &["mgr", "manager"],
    &["min", "minimum"],
    &["mod", "module"],
    &["msg", "message"],
    &["mtx", "mutex"],
    &["nav", "navigation"],
    &["num", "number"],
    &["obj", "object"],
    &["op", "operator", "operation"],
    &["opts", "options"],
    &["opt", "option", "optional"],
    &["org", "organization"],
    &["params", "parameters"],
    &["param", "parameter"],
    &["perf", "performance"],
    &["perm", "permission"],
    &["pkg", "package"],
    &["pos", "position"],
    &["prev", "previous"],
    &["priv", "private"],
    &["proc", "process"],
    &["prog", "program"],
    &["prop", "property"],
    &["props", "properties"],
    &["ptr", "pointer"],
    &["pwd", "password"],
    &["recv", "receive"],
    &["ref", "reference"],
    &["regex", "regexp"],
    &["repo", "repository"],
    &["req", "request"],
    &["res", "resp", "response"],
    &["ret", "return"],
    &["seq", "sequence"],
    &["ser", "serialize"],
    &["sig", "signature", "signal"],
    &["sock", "socket"],
    &["spec", "specification"],
    &["src", "source"],
    &["srv", "server"],
    &["stat", "statistics", "status"],
    &["stmt", "statement"],
    &["str", "string"],
    &["sub", "subscribe"],
    &["svc", "service"],
    &["sync", "synchronize", "synchronization"],
    &["sys", "system"],
    &["temp", "tmp", "temporary"],
    &["term", "terminal"],
    &["tok", "token"],
    &["tx", "transaction"],
    &["txt", "text"],
    &["util", "utility"],
    &["utils", "utilities"],
    &["val", "value"],
    &["var", "variable"],
    &["vec", "vector"],
    &["win", "window", "windows"],
    &["ws", "websocket"],
];

/// Other words for a lower-case word.
pub(crate) fn of(word: &str) -> impl Iterator<Item = &'static str> + '_ {
    SAME.iter()
        .filter(move |row| row.contains(&word))
        .flat_map(|row| row.iter().copied())
        .filter(move |other| *other != word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        assert!(of("auth").any(|one| one == "authentication"));
        assert!(of("configuration").any(|one| one == "cfg"));
        assert_eq!(of("door").count(), 0);
    }

    #[test]
    fn the_table_is_in_lower_case_and_has_no_row_twice() {
        for row in SAME {
            assert!(row.len() > 1);
            assert!(row.iter().all(|word| word.to_lowercase() == *word));
        }
        let mut first: Vec<&str> = SAME.iter().map(|row| row[0]).collect();
        first.sort_unstable();
        let all = first.len();
        first.dedup();
        assert_eq!(first.len(), all);
    }
}
