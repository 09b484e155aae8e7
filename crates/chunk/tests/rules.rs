//! The rules of cutting, one by one, each on a text that needs it.

use std::fmt::Write as _;

use wherein_chunk::{Options, chunk};
use wherein_core::{Chunk, ChunkKind, Language};

fn chunks(text: &str, language: Language) -> Vec<Chunk> {
    chunk(text, language, &Options::default()).chunks
}

fn text_of<'a>(chunk: &Chunk, text: &'a str) -> &'a str {
    chunk.span.bytes.of(text)
}

fn find<'a>(chunks: &'a [Chunk], symbol: &str) -> &'a Chunk {
    let named = |chunk: &&Chunk| chunk.symbol.as_deref() == Some(symbol);
    chunks.iter().find(named).unwrap()
}

/// A body of about `bytes` bytes with a statement of several lines now and then.
fn body(bytes: usize) -> String {
    let mut body = String::new();
    while body.len() < bytes {
        let at = body.len();
        write!(
            body,
            "    let value_{at} = compute({at});\n    if value_{at} > 3 {{\n        \
             report(value_{at});\n        retry();\n    }}\n\n"
        )
        .unwrap();
    }
    body
}

#[test]
fn a_long_function_is_split_into_adjacent_parts_that_keep_its_name() {
    let text = format!(
        "/// Does much.\nfn work() {{\n{}}}\n\nfn other() {{}}\n",
        body(4000)
    );
    let chunks = chunks(&text, Language::Rust);
    let parts: Vec<&Chunk> = chunks
        .iter()
        .filter(|chunk| chunk.symbol.as_deref() == Some("work"))
        .collect();
    assert!((3..=5).contains(&parts.len()), "{}", parts.len());
    for part in &parts {
        assert_eq!(
            (part.kind, part.breadcrumb.as_str()),
            (ChunkKind::Function, "work")
        );
        let bytes = text_of(part, &text).len();
        assert!((400..=1200).contains(&bytes), "{bytes}");
    }
    for pair in parts.windows(2) {
        // Only the blank line that the cut was made at lies between.
        assert_eq!(pair[0].span.end_line + 2, pair[1].span.start_line);
        let first = text_of(pair[1], &text).lines().next().unwrap();
        assert!(first.starts_with("    let value_"), "{first}");
    }
    assert_eq!(parts[0].symbols.len(), 1);
    assert!(
        parts[1..]
            .iter()
            .all(|part| part.symbols.iter().all(|s| s.name != "work"))
    );
    assert!(text_of(parts[parts.len() - 1], &text).contains("\n}"));
}

#[test]
fn a_definition_is_listed_where_its_signature_is_not_where_its_long_comment_starts() {
    let comment = "/// Says at length what it does and why.\n".repeat(60);
    let text = format!("{comment}fn work(one: u32) -> u32 {{\n    one\n}}\n");
    let chunks = chunks(&text, Language::Rust);
    assert!(chunks.len() > 1);
    let listing: Vec<&Chunk> = chunks
        .iter()
        .filter(|chunk| chunk.symbols.iter().any(|symbol| symbol.name == "work"))
        .collect();
    assert_eq!(listing.len(), 1);
    assert!(text_of(listing[0], &text).contains("fn work("));
}

#[test]
fn a_definition_that_fits_is_whole() {
    let text = format!(
        "fn a() {{\n{}}}\n\nfn b() {{\n{}}}\n",
        body(1000),
        body(1000)
    );
    let chunks = chunks(&text, Language::Rust);
    assert_eq!(chunks.len(), 2);
    assert!(text_of(&chunks[0], &text).starts_with("fn a()"));
    assert!(text_of(&chunks[0], &text).ends_with("\n}"));
}

#[test]
fn a_large_class_is_its_head_and_its_methods() {
    let mut text = String::from(
        "# Keeps all the sessions that are known,\n# with what each of them needs to go on.\n\
         @dataclass\nclass Store(Base):\n    \"\"\"All sessions.\"\"\"\n\n    limit: int = 3\n    \
         name: str = \"\"\n\n",
    );
    for method in 0..6 {
        write!(
            text,
            "    def method_{method}(self, value):\n        \"\"\"Method {method}.\"\"\"\n"
        )
        .unwrap();
        for line in 0..12 {
            writeln!(text, "        value = self.step({line}, value, {method})").unwrap();
        }
        text.push_str("        return value\n\n");
    }
    let chunks = chunks(&text, Language::Python);
    let head = &chunks[0];
    assert_eq!(
        (head.kind, head.symbol.as_deref()),
        (ChunkKind::Class, Some("Store"))
    );
    assert!(text_of(head, &text).starts_with("# Keeps"));
    assert!(text_of(head, &text).ends_with("name: str = \"\""));
    assert_eq!(chunks.len(), 7);
    for (method, chunk) in chunks[1..].iter().enumerate() {
        assert_eq!(chunk.kind, ChunkKind::Method);
        assert_eq!(chunk.breadcrumb, format!("Store::method_{method}"));
        assert!(text_of(chunk, &text).starts_with("    def method_"));
        let doc = chunk.symbols[0].doc.of(&text);
        assert_eq!(doc, format!("\"\"\"Method {method}.\"\"\""));
    }
}

#[test]
fn closing_lines_stay_with_the_last_member() {
    let mut text = String::from("namespace app {\n\nclass Store {\npublic:\n");
    for method in 0..4 {
        writeln!(text, "    int method_{method}(int x) {{").unwrap();
        for line in 0..25 {
            writeln!(text, "        x = step(x, {line}, \"{method}\");").unwrap();
        }
        text.push_str("        return x;\n    }\n\n");
    }
    text.push_str("};\n\n}  // namespace\n");
    let chunks = chunks(&text, Language::Cpp);
    for chunk in &chunks {
        assert!(text_of(chunk, &text).contains("x = step"), "{chunk:?}");
    }
    assert!(text_of(chunks.last().unwrap(), &text).contains("};"));
}

#[test]
fn doc_comments_and_attributes_belong_to_the_definition() {
    let text = "use a::b;\n\n// Not attached.\n\n/// Says hello.\n// More.\n#[inline]\n#[must_use]\n\
                pub fn hello(\n    name: &str,\n) -> String {\n    name.to_owned()\n}\n";
    let chunks = chunks(text, Language::Rust);
    let symbol = &chunks[0].symbols[0];
    assert_eq!((symbol.span.start_line, symbol.span.end_line), (5, 13));
    assert_eq!(symbol.doc.of(text), "/// Says hello.\n// More.");
    assert_eq!(
        symbol.signature.of(text),
        "pub fn hello(\n    name: &str,\n) -> String"
    );
}

#[test]
fn small_siblings_are_merged_but_documented_ones_stand_alone() {
    let small = "fn a() {}\n\nfn b() {}\n\nfn c() {}\n";
    let merged = chunks(small, Language::Rust);
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].symbols.len(), 3);
    let doc = "/// A sentence that says what this does and why it is needed at all.\n".repeat(5);
    let text = format!("fn a() {{}}\n\n{doc}fn b() {{}}\n\nfn c() {{}}\n");
    let apart = chunks(&text, Language::Rust);
    assert_eq!(apart.len(), 3);
    assert_eq!(find(&apart, "b").symbols.len(), 1);
}

#[test]
fn members_of_different_containers_are_not_merged() {
    let mut text = String::new();
    for class in ["A", "B"] {
        writeln!(text, "class {class}:").unwrap();
        for method in 0..12 {
            write!(
                text,
                "    def m{method}(self):\n        return \"{}\"\n\n",
                "x".repeat(150)
            )
            .unwrap();
        }
    }
    let chunks = chunks(&text, Language::Python);
    for chunk in &chunks {
        let owners: std::collections::BTreeSet<&str> = chunk
            .symbols
            .iter()
            .filter_map(|symbol| symbol.breadcrumb.split("::").next())
            .collect();
        assert_eq!(owners.len(), 1, "{owners:?}");
    }
}

#[test]
fn a_comment_is_not_cut_from_what_it_leads() {
    let mut text = String::from("def work():\n");
    for step in 0..80 {
        write!(
            text,
            "    # Step {step} is needed because the one before may fail.\n    step({step})\n"
        )
        .unwrap();
    }
    for chunk in &chunks(&text, Language::Python)[..2] {
        let last = text_of(chunk, &text).lines().last().unwrap().trim();
        assert!(last.starts_with("step("), "{last}");
    }
}

#[test]
fn markdown_sections_carry_the_path_of_headings() {
    let long = "Words that explain what this is about, at some length.\n\n".repeat(30);
    let text = format!(
        "# Guide\n\n{long}## Install\n\n{long}### Linux\n\n{long}```sh\n# no heading\nrun\n```\n\n## Use\n\n{long}"
    );
    let chunks = chunks(&text, Language::Markdown);
    let breadcrumbs: Vec<&str> = chunks
        .iter()
        .filter(|chunk| !chunk.symbols.is_empty())
        .map(|chunk| chunk.breadcrumb.as_str())
        .collect();
    assert_eq!(
        breadcrumbs,
        [
            "Guide",
            "Guide::Install",
            "Guide::Install::Linux",
            "Guide::Use"
        ]
    );
    let code = chunks
        .iter()
        .find(|c| text_of(c, &text).contains("# no heading"))
        .unwrap();
    assert_eq!(code.breadcrumb, "Guide::Install::Linux");
    assert!(text_of(code, &text).contains("```sh\n# no heading\nrun\n```"));
    assert!(chunks.iter().all(|chunk| chunk.kind == ChunkKind::Section));
}

#[test]
fn fenced_code_is_not_cut_where_it_can_be_helped() {
    let code = "let value = compute(1, 2, 3);\n".repeat(20);
    let text = format!(
        "# Guide\n\n{}",
        format!("Words about it.\n\n```rust\n{code}```\n\n").repeat(6)
    );
    for chunk in chunks(&text, Language::Markdown) {
        let fences = text_of(&chunk, &text).matches("```").count();
        assert_eq!(fences % 2, 0, "{}", text_of(&chunk, &text));
    }
}

#[test]
fn embedded_code_has_its_own_language_and_offsets() {
    let text = "<template>\n  <p>ä</p>\n</template>\n\n<script lang=\"ts\">\n\
                // Logs in.\nexport function login(name: string): void {\n  start(name);\n}\n</script>\n\n\
                <style>\n.login { color: red; }\n</style>\n";
    let chunks = chunks(text, Language::Vue);
    let script = find(&chunks, "login");
    assert_eq!(script.language, Language::TypeScript);
    let symbol = &script.symbols[0];
    assert_eq!(
        symbol.signature.of(text),
        "export function login(name: string): void"
    );
    assert_eq!(symbol.doc.of(text), "// Logs in.");
    assert_eq!((symbol.span.start_line, symbol.span.end_line), (6, 9));
    let style = chunks.last().unwrap();
    assert_eq!(style.language, Language::Css);
    assert_eq!(style.symbols[0].name, ".login");
    let template = &chunks[0];
    assert_eq!(template.language, Language::Vue);
}

#[test]
fn definitions_survive_broken_code() {
    let text = "fn good() {\n    a();\n}\n\nfn broken() {\n    let = b(;\n}\n\nfn after() {\n    c();\n}\n";
    let names: Vec<String> = chunks(text, Language::Rust)
        .into_iter()
        .flat_map(|chunk| chunk.symbols)
        .map(|symbol| symbol.name)
        .collect();
    assert!(names.contains(&"good".to_owned()), "{names:?}");
    assert!(names.contains(&"after".to_owned()), "{names:?}");
}

#[test]
fn prose_and_unknown_languages_are_cut_by_lines() {
    let paragraph = "A sentence of prose that goes on.\n".repeat(6) + "\n";
    let text = paragraph.repeat(20);
    let prose = chunks(&text, Language::ReStructuredText);
    assert!(prose.len() > 2);
    for chunk in &prose {
        assert_eq!(chunk.kind, ChunkKind::Text);
        assert!(text_of(chunk, &text).lines().count() <= 40);
        assert!(text_of(chunk, &text).starts_with('A'));
    }
    let code = chunks(&"(defun f () 1)\n".repeat(100), Language::Lisp);
    assert!(code.iter().all(|chunk| chunk.kind == ChunkKind::Code));
    assert!(
        code[0].span.end_line > code[1].span.start_line,
        "they overlap"
    );
}

#[test]
fn one_line_definitions_share_a_chunk_and_keep_their_symbols() {
    let text = "class A { void a() {} void b() {} } class B { void c() {} }\n";
    let chunks = chunks(text, Language::Java);
    assert_eq!(chunks.len(), 1);
    let names: Vec<&str> = chunks[0].symbols.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["A", "a", "b", "B", "c"]);
}
