//! From ranked spans to a prompt-ready text that fits a token budget.

#![cfg_attr(test, allow(clippy::expect_used, reason = "a test fails by panicking"))]

mod tokens;

pub use tokens::Tokenizer;
