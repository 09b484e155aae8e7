//! What is embedded of a chunk: more, and in another order, than what is shown.

/// The parts of a chunk that carry its meaning; each may be empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct DocumentParts<'a> {
    /// Path in the repository, `/`-separated.
    pub path: &'a str,
    /// Enclosing names, the own one last (`auth::Session::login`).
    pub breadcrumb: &'a str,
    /// The definition up to its body.
    pub signature: &'a str,
    /// Doc comment or docstring.
    pub doc: &'a str,
    /// The rest of the text.
    pub body: &'a str,
}

/// Path segments kept, counted from the file name: folders far up say little
/// (`src`, `lib`, the owner's name) and are the same for every chunk.
const PATH_SEGMENTS: usize = 3;

/// The text to embed: path words, breadcrumb, signature, doc comment, body.
/// What matters most comes first, because a model reads only so many tokens.
pub fn document_input(parts: &DocumentParts<'_>) -> String {
    let path = path_words(parts.path);
    let fields = [
        path,
        parts.breadcrumb,
        parts.signature,
        parts.doc,
        parts.body,
    ];
    let mut input = String::with_capacity(fields.iter().map(|field| field.len() + 1).sum());
    for field in fields {
        let field = field.trim();
        if field.is_empty() {
            continue;
        }
        if !input.is_empty() {
            input.push('\n');
        }
        input.push_str(field);
    }
    input
}

/// The last segments of a path, without the file name's extension. The
/// separators stay: the tokenizer skips them.
fn path_words(path: &str) -> &str {
    let start = path
        .rmatch_indices('/')
        .nth(PATH_SEGMENTS - 1)
        .map_or(0, |(at, _)| at + 1);
    let name = path.rfind('/').map_or(0, |at| at + 1);
    let end = match path[name..].rfind('.') {
        Some(dot) if dot > 0 => name + dot,
        _ => path.len(),
    };
    &path[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_gives_its_last_segments_without_the_extension() {
        for (path, expected) in [
            ("", ""),
            ("main.rs", "main"),
            ("src/auth/login.py", "src/auth/login"),
            ("a/b/c/d/e.test.ts", "c/d/e.test"),
            (".bashrc", ".bashrc"),
            ("docs/Makefile", "docs/Makefile"),
            ("größe/ü.rs", "größe/ü"),
            ("trailing/", "trailing/"),
        ] {
            assert_eq!(path_words(path), expected, "{path}");
        }
    }

    #[test]
    fn parts_stand_in_order_and_empty_ones_leave_no_trace() {
        let parts = DocumentParts {
            path: "src/auth.rs",
            breadcrumb: "auth::login",
            signature: "fn login(user: &str)",
            doc: "",
            body: "{ check(user) }\n",
        };
        assert_eq!(
            document_input(&parts),
            "src/auth\nauth::login\nfn login(user: &str)\n{ check(user) }"
        );
        assert_eq!(document_input(&DocumentParts::default()), "");
    }
}
