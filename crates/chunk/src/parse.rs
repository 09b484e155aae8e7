//! One parse within the limits: size, time, and a panic that stays inside.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::time::Duration;

use tree_sitter::{ParseOptions, ParseState, Parser, Range, Tree};
use wherein_core::{SkipReason, caught, limits};

use crate::grammar::Grammar;

thread_local! {
    /// One parser per grammar and thread: making one costs more than a small parse.
    static PARSERS: RefCell<Vec<Option<Parser>>> = const { RefCell::new(Vec::new()) };
}

/// Why there is no tree.
pub(crate) type Failure = (SkipReason, String);

/// When every parse of one file must have ended, those of embedded code included;
/// in time that this thread computed: a process that was stopped or starved in
/// the middle of a file cuts it no differently.
#[derive(Clone, Copy)]
pub(crate) struct Deadline(Duration);

impl Deadline {
    pub(crate) fn start() -> Self {
        Self(computed() + Duration::from_millis(limits::MAX_PARSE_MS))
    }

    fn is_over(self) -> bool {
        computed() >= self.0
    }
}

/// The time that this thread has computed.
#[cfg(unix)]
fn computed() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

/// The time since the first call: there is no such clock here.
#[cfg(not(unix))]
fn computed() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

/// Parses `text`, or only `range` of it; positions are those in `text` either way.
pub(crate) fn parse(
    grammar: &'static Grammar,
    text: &str,
    range: Option<Range>,
    deadline: Deadline,
) -> Result<Tree, Failure> {
    if text.len() > limits::MAX_PARSE_BYTES {
        let detail = format!(
            "{} bytes; at most {} are parsed",
            text.len(),
            limits::MAX_PARSE_BYTES
        );
        return Err((SkipReason::TooLargeToParse, detail));
    }
    let mut parser =
        take_parser(grammar).ok_or_else(|| failed("the grammar does not fit this tree-sitter"))?;
    // A parser that panicked is dropped, not put back.
    let (parser, tree) = caught(move || {
        let tree = run(&mut parser, text, range, deadline);
        (parser, tree)
    })
    .map_err(|panic| failed(&format!("the parser panicked: {panic}")))?;
    put_back(grammar, parser);
    tree.ok_or_else(|| {
        let detail = format!("longer than {} ms", limits::MAX_PARSE_MS);
        (SkipReason::ParseTimeout, detail)
    })
}

fn failed(detail: &str) -> Failure {
    (SkipReason::ParseFailed, detail.to_owned())
}

fn run(parser: &mut Parser, text: &str, range: Option<Range>, deadline: Deadline) -> Option<Tree> {
    parser.reset();
    parser
        .set_included_ranges(range.as_slice())
        .unwrap_or_default();
    let mut progress = |_: &ParseState| {
        if deadline.is_over() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let bytes = text.as_bytes();
    let mut read = |at: usize, _| bytes.get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}

fn take_parser(grammar: &'static Grammar) -> Option<Parser> {
    let kept =
        PARSERS.with_borrow_mut(|parsers| parsers.get_mut(grammar.slot()).and_then(Option::take));
    kept.or_else(|| {
        let mut parser = Parser::new();
        parser.set_language(grammar.language()).ok()?;
        Some(parser)
    })
}

fn put_back(grammar: &'static Grammar, parser: Parser) {
    PARSERS.with_borrow_mut(|parsers| {
        let slot = grammar.slot();
        if parsers.len() <= slot {
            parsers.resize_with(slot + 1, || None);
        }
        parsers[slot] = Some(parser);
    });
}
