//! Measures the tokenizer and the shipped model over a folder of sources.
//!
//! `cargo run --release -p wherein-embed --example throughput -- FOLDER [TEXTS_PER_CALL]`
//! once as it is, once with `WHEREIN_ONNXRUNTIME` naming a library: there is one
//! backend a process.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a measuring program"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use wherein_embed::{DocumentParts, SHIPPED_MODEL_FILES, Tokenizer, backend, shipped};

/// Lines of a stand-in for a chunk.
const CHUNK_LINES: usize = 30;
/// Bytes read at most.
const MAX_BYTES: usize = 64 << 20;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".to_owned());
    let per_call: usize = arguments
        .next()
        .map_or(4096, |n| n.parse().expect("a number"));

    let start = Instant::now();
    let model = shipped().expect("the shipped model");
    let loaded = start.elapsed();
    let first = Instant::now();
    model
        .embed_queries(&["where is a session opened"])
        .expect("a vector");
    let backend = backend().expect("a backend");
    println!(
        "{} on {} {}: loaded in {loaded:.1?}, first query {:.1?}, {} MB resident",
        model.model_id(),
        backend.name,
        backend.version,
        first.elapsed(),
        resident_mb()
    );
    for refused in &backend.refused {
        println!("refused {refused}");
    }

    let mut texts = Vec::new();
    read(Path::new(&folder), &mut texts, &mut 0);
    let bytes: usize = texts.iter().map(String::len).sum();
    let chunks: Vec<String> = texts.iter().flat_map(|text| chunks(text)).collect();
    let vocabulary = std::str::from_utf8(SHIPPED_MODEL_FILES[1].1).expect("UTF-8");
    let tokenizer = Tokenizer::from_vocabulary("shipped", vocabulary).expect("a vocabulary");

    let (tokens, took) = tokenise(&tokenizer, &texts);
    println!(
        "tokenizer: {:.1} MB, {tokens} tokens, {:.1} MB/s on one thread",
        bytes as f64 / 1e6,
        bytes as f64 / 1e6 / took.as_secs_f64()
    );

    let of = |body| DocumentParts {
        path: "src/session/store.rs",
        body,
        ..DocumentParts::default()
    };
    let documents: Vec<DocumentParts<'_>> = chunks.iter().map(|text| of(text)).collect();
    // 256 texts are one task: calls of that size stay on this thread.
    for (name, size) in [("one thread", 256), ("all threads", per_call)] {
        let start = Instant::now();
        for texts in documents.chunks(size) {
            model.embed_documents(texts).expect("vectors");
        }
        let seconds = start.elapsed().as_secs_f64();
        println!(
            "embed, {name}: {} chunks, {:.0} chunks/s, {:.1} MB/s, {} MB resident",
            chunks.len(),
            chunks.len() as f64 / seconds,
            bytes as f64 / 1e6 / seconds,
            resident_mb()
        );
    }
    let start = Instant::now();
    for _ in 0..2000 {
        model
            .embed_queries(&["how are expired sessions removed"])
            .expect("a vector");
    }
    println!(
        "query: {:.1} us",
        start.elapsed().as_secs_f64() / 2000.0 * 1e6
    );
}

fn tokenise(tokenizer: &Tokenizer, texts: &[String]) -> (usize, Duration) {
    let start = Instant::now();
    let mut tokens = 0;
    let mut ids = Vec::new();
    for text in texts {
        ids.clear();
        tokenizer.encode(text, usize::MAX / 8, &mut ids);
        tokens += ids.len();
    }
    (tokens, start.elapsed())
}

fn chunks(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .chunks(CHUNK_LINES)
        .map(|lines| lines.join("\n"))
        .collect()
}

fn read(folder: &Path, texts: &mut Vec<String>, bytes: &mut usize) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            read(&path, texts, bytes);
        } else if *bytes < MAX_BYTES
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            *bytes += text.len();
            texts.push(text);
        }
    }
}

/// Resident memory of this process, from `/proc` (0 elsewhere).
fn resident_mb() -> usize {
    std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok())
        .map_or(0, |pages| pages * 4096 / 1_000_000)
}
