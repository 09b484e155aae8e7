//! What every chunking of every text obeys, checked by one function.

use wherein_chunk::{Options, chunk};
use wherein_core::{ByteRange, Language, Span, limits};

use crate::support::{FIXTURES, SMALL, language};

/// Panics when the chunks of `text` break an invariant.
pub(crate) fn check(text: &str, language: Language, options: &Options) {
    let chunked = chunk(text, language, options);
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let starts: Vec<usize> = lines
        .iter()
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some(start)
        })
        .collect();
    let has_lines = |span: Span| {
        let first = span.start_line as usize - 1;
        let last = span.end_line as usize - 1;
        assert!(first <= last && last < lines.len(), "{span:?}");
        assert_eq!(span.bytes.start as usize, starts[first], "{span:?}");
        let content = lines[last].strip_suffix('\n').unwrap_or(lines[last]);
        let without_return = content
            .strip_suffix('\r')
            .filter(|_| lines[last].ends_with('\n'));
        let content = without_return.unwrap_or(content);
        assert_eq!(
            span.bytes.end as usize,
            starts[last] + content.len(),
            "{span:?}"
        );
        assert!(!lines[first].trim().is_empty(), "begins with a blank line");
    };
    let inside = |range: ByteRange, span: Span| {
        assert!(
            text.get(range.start as usize..range.end as usize).is_some(),
            "{range:?}"
        );
        assert!(
            range.start == range.end || range.start >= span.bytes.start,
            "{range:?}"
        );
    };
    let by_syntax = chunked.skip.is_none() && chunked.chunks.iter().any(|c| !c.symbols.is_empty());
    let mut covered = vec![false; lines.len()];
    let mut before: Option<Span> = None;
    assert!(chunked.chunks.len() <= limits::MAX_CHUNKS_PER_FILE);
    for chunk in &chunked.chunks {
        has_lines(chunk.span);
        if let Some(before) = before {
            assert!(before.start_line < chunk.span.start_line, "out of order");
            assert!(
                !by_syntax || before.end_line < chunk.span.start_line,
                "{before:?} overlaps {:?}",
                chunk.span
            );
        }
        before = Some(chunk.span);
        for line in chunk.span.start_line..=chunk.span.end_line {
            covered[line as usize - 1] = true;
        }
        assert!(chunk.breadcrumb.len() <= limits::MAX_BREADCRUMB_BYTES);
        for symbol in &chunk.symbols {
            has_lines(symbol.span);
            let start = symbol.signature.start.max(symbol.span.bytes.start);
            assert!(
                (chunk.span.bytes.start..chunk.span.bytes.end).contains(&start),
                "{symbol:?} is not in {:?}",
                chunk.span
            );
            inside(symbol.signature, symbol.span);
            inside(symbol.doc, symbol.span);
            assert!(!symbol.name.is_empty() && symbol.name.len() <= limits::MAX_SYMBOL_BYTES);
            assert!(symbol.breadcrumb.len() <= limits::MAX_BREADCRUMB_BYTES);
        }
    }
    for (line, covered) in lines.iter().zip(covered) {
        assert!(covered || line.trim().is_empty(), "lost: {line:?}");
    }
}

#[test]
fn fixtures_obey_the_invariants_at_every_size() {
    let tiny = Options {
        max_chunk_bytes: 40,
        merge_below_bytes: 10,
    };
    let whole = Options {
        max_chunk_bytes: usize::MAX,
        merge_below_bytes: usize::MAX,
    };
    let nothing = Options {
        max_chunk_bytes: 0,
        merge_below_bytes: 0,
    };
    for (name, text) in FIXTURES {
        for options in [Options::default(), SMALL, tiny, whole, nothing] {
            check(text, language(name), &options);
        }
        check(&text.replace('\n', "\r\n"), language(name), &SMALL);
        check(&format!("\u{feff}{text}"), language(name), &SMALL);
        check(text.trim_end(), language(name), &SMALL);
        check(&text.replace("    ", "\t"), language(name), &SMALL);
        check(&text.replace("\n\n", "\n\u{c}\n"), language(name), &SMALL);
    }
}

#[test]
fn the_same_text_gives_the_same_chunks() {
    for (name, text) in FIXTURES {
        let first = chunk(text, language(name), &SMALL);
        assert_eq!(first, chunk(text, language(name), &SMALL), "{name}");
    }
}

#[test]
fn line_ends_and_marks_change_nothing_but_bytes() {
    for (name, text) in FIXTURES {
        let language = language(name);
        // Sizes count bytes, so only a layout without cuts can be compared.
        let options = Options {
            max_chunk_bytes: 1 << 20,
            merge_below_bytes: 0,
        };
        let names = |text: &str| -> Vec<(String, u32)> {
            let chunks = chunk(text, language, &options).chunks;
            let symbols = chunks.into_iter().flat_map(|chunk| chunk.symbols);
            symbols
                .map(|symbol| (symbol.breadcrumb, symbol.span.start_line))
                .collect()
        };
        assert_eq!(names(text), names(text.trim_end()), "{name}");
        assert_eq!(
            names(text),
            names(&text.replace('\n', "\r\n")),
            "{name} CRLF"
        );
    }
}
