//! Lists a folder and prints counts, skips by reason, and the time it took.
//!
//! `cargo run --release -p wherein-walk --example list -- PATH [read [REASON]]`; with a
//! reason, all skips for it are printed.
#![allow(clippy::print_stdout, reason = "it is a program")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use wherein_walk::{Checkout, Options, list, read};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let path = arguments
        .next()
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    let reads = arguments.next().is_some();
    let shown = arguments
        .next()
        .and_then(|reason| reason.into_string().ok());
    let checkout = Checkout::at(&path)?;
    let options = Options::default();
    for _ in 0..3 {
        let start = Instant::now();
        let listing = list(&checkout, &options)?;
        let elapsed = start.elapsed();
        println!(
            "{} files, {} skips in {elapsed:.1?}",
            listing.files.len(),
            listing.skips.len()
        );
    }
    let listing = list(&checkout, &options)?;
    let mut skips = listing.skips;
    if reads {
        let start = Instant::now();
        let mut bytes = 0;
        for entry in &listing.files {
            match read(&checkout, &entry.path, &options) {
                Ok(file) => bytes += file.text.len(),
                Err(unread) => skips.extend(unread.skip()),
            }
        }
        println!("read {bytes} bytes in {:.1?}", start.elapsed());
    }
    let mut counts: BTreeMap<_, (usize, String)> = BTreeMap::new();
    for skip in skips {
        if shown.as_deref() == Some(skip.reason.name()) {
            println!("{}: {}", skip.path, skip.detail);
        }
        let count = counts.entry(skip.reason).or_default();
        count.0 += 1;
        count.1 = format!("{} ({})", skip.path, skip.detail);
    }
    for (reason, (count, last)) in counts {
        println!("{count:8} {reason}, such as {last}");
    }
    Ok(())
}
