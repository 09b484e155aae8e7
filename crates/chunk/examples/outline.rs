//! Prints the chunks of files, or measures a folder.
//!
//! `cargo run --release -p wherein-chunk --example outline -- FILE...`
//! `cargo run --release -p wherein-chunk --example outline -- --bench DIR [LANGUAGE]`
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use wherein_chunk::{Chunked, Options, chunk};
use wherein_core::{Language, limits};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let work = move || match arguments.as_slice() {
        [flag, folder, language @ ..] if flag == "--bench" => {
            bench(Path::new(folder), language.first().map(String::as_str));
        }
        files => files.iter().for_each(|file| print_outline(Path::new(file))),
    };
    // Some grammars recurse by nesting depth.
    let thread = std::thread::Builder::new()
        .stack_size(limits::PARSE_STACK_BYTES)
        .spawn(work);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(())) => {}
        Ok(Err(_)) => eprintln!("a file made it panic"),
        Err(error) => eprintln!("no thread: {error}"),
    }
}

fn read(path: &Path) -> Option<(String, Language)> {
    let text = std::fs::read_to_string(path).ok()?;
    let name = path.file_name()?.to_str()?;
    let language = Language::detect(name, &text);
    Some((text, language))
}

fn print_outline(path: &Path) {
    let Some((text, language)) = read(path) else {
        eprintln!("{}: not readable text", path.display());
        return;
    };
    let Chunked { chunks, skip } = chunk(&text, language, &Options::default());
    println!("{} ({language}, {} chunks)", path.display(), chunks.len());
    if let Some((reason, detail)) = skip {
        println!("  {}: {detail}", reason.sentence());
    }
    for chunk in &chunks {
        let bytes = chunk.span.bytes.of(&text).len();
        println!(
            "{:>5}-{:<5} {bytes:>5} B  {:<9} {:<10} {}",
            chunk.span.start_line,
            chunk.span.end_line,
            chunk.kind,
            chunk.language,
            chunk.breadcrumb
        );
        for symbol in &chunk.symbols {
            let signature = symbol.signature.of(&text).lines().next().unwrap_or("");
            println!("{:>32} {} | {signature}", symbol.kind, symbol.breadcrumb);
        }
    }
}

/// Time that this thread has had a core, where the system tells: other
/// programs then do not spoil the figures.
fn processor_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split(' ').next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[derive(Default)]
struct Totals {
    files: usize,
    bytes: usize,
    chunks: usize,
    symbols: usize,
    partial: usize,
    large: usize,
    small: usize,
    time: Duration,
    worst: Duration,
    worst_file: PathBuf,
}

fn bench(folder: &Path, only: Option<&str>) {
    let mut by_language: BTreeMap<&str, Totals> = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file()
                && let Some((text, language)) = read(&entry.path())
                && text.len() as u64 <= limits::MAX_FILE_BYTES
                && only.is_none_or(|only| only == language.name())
            {
                measure(
                    by_language.entry(language.name()).or_default(),
                    &text,
                    language,
                    &entry.path(),
                );
            }
        }
    }
    println!(
        "{:<18}{:>7}{:>9}{:>9}{:>9}{:>7}{:>7}{:>7}{:>8}  slowest",
        "language", "files", "MB", "chunks", "symbols", "part", ">2.5k", "<60", "MB/s"
    );
    for (language, totals) in by_language {
        println!(
            "{language:<18}{:>7}{:>9.2}{:>9}{:>9}{:>7}{:>7}{:>7}{:>8.1}  {:.0} ms {}",
            totals.files,
            totals.bytes as f64 / 1e6,
            totals.chunks,
            totals.symbols,
            totals.partial,
            totals.large,
            totals.small,
            totals.bytes as f64 / 1e6 / totals.time.as_secs_f64(),
            totals.worst.as_secs_f64() * 1e3,
            totals.worst_file.display()
        );
    }
}

fn measure(totals: &mut Totals, text: &str, language: Language, path: &Path) {
    let (start, busy) = (Instant::now(), processor_time());
    let chunked = chunk(text, language, &Options::default());
    let took = match (busy, processor_time()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => start.elapsed(),
    };
    totals.files += 1;
    totals.bytes += text.len();
    totals.chunks += chunked.chunks.len();
    totals.partial += usize::from(chunked.skip.is_some());
    totals.time += took;
    for chunk in &chunked.chunks {
        let bytes = chunk.span.bytes.of(text).len();
        totals.symbols += chunk.symbols.len();
        totals.large += usize::from(bytes > 2500);
        totals.small += usize::from(bytes < 60);
    }
    if took > totals.worst {
        totals.worst = took;
        path.clone_into(&mut totals.worst_file);
    }
}
