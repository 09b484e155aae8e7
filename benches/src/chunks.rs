//! The chunks of a folder as the embedding model is shown them, a line of JSON
//! each: for measuring a model in training on real code bases.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use wherein_embed::{DocumentParts, body};

use crate::mine::read;

/// Which sources.
#[derive(Args)]
pub(crate) struct ChunkArguments {
    /// Folder of a code base
    folder: PathBuf,
}

#[derive(Serialize)]
struct Shown<'a> {
    path: &'a str,
    start_line: u32,
    end_line: u32,
    breadcrumb: &'a str,
    signature: &'a str,
    comment: &'a str,
    body: &'a str,
}

/// Prints a line of JSON for each chunk.
pub(crate) fn run(arguments: &ChunkArguments) -> Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for (path, (language, text)) in &read(&arguments.folder)? {
        let chunked = wherein_chunk::chunk(text, *language, &wherein_chunk::Options::default());
        for chunk in &chunked.chunks {
            let body = body(chunk, text);
            let parts = DocumentParts::of(path, chunk, text, &body);
            let shown = Shown {
                path,
                start_line: chunk.span.start_line,
                end_line: chunk.span.end_line,
                breadcrumb: parts.breadcrumb,
                signature: parts.signature,
                comment: parts.doc,
                body: parts.body,
            };
            serde_json::to_writer(&mut out, &shown)?;
            out.write_all(b"\n")?;
        }
    }
    Ok(out.flush()?)
}
