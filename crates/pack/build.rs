//! Lays the vocabularies out flat, so that a program maps them instead of building
//! tables in its own memory: 4 bytes a token of offsets, the bytes of all tokens, and
//! an open hash table of token numbers. `src/vocabulary.rs` reads it.

use std::path::Path;
use std::{env, fs, io};

use bpe_openai::Tokenizer;

// Shared with the reader: both must hash alike.
include!("src/token_hash.rs");

/// Longest token that the reader looks for, in bytes.
const MAX_TOKEN_BYTES: usize = 128;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/token_hash.rs");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("no OUT_DIR"))?;
    for (name, tokenizer) in [
        ("o200k", bpe_openai::o200k_base()),
        ("cl100k", bpe_openai::cl100k_base()),
    ] {
        fs::write(
            Path::new(&out).join(format!("{name}.bin")),
            flat(tokenizer)?,
        )?;
    }
    Ok(())
}

fn flat(tokenizer: &Tokenizer) -> io::Result<Vec<u8>> {
    let count = tokenizer.bpe.num_tokens() as u32;
    let slots = (count * 2).next_power_of_two();
    let mut ends = Vec::new();
    let mut bytes = Vec::new();
    let mut table = vec![u32::MAX; slots as usize];
    for token in 0..count {
        let text = tokenizer.bpe.token_bytes(token);
        if text.len() > MAX_TOKEN_BYTES {
            return Err(io::Error::other(
                "a token is longer than the reader looks for",
            ));
        }
        bytes.extend_from_slice(text);
        ends.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        let mut slot = token_hash(text) & (slots - 1);
        while table[slot as usize] != u32::MAX {
            slot = (slot + 1) & (slots - 1);
        }
        table[slot as usize] = token;
    }
    let mut all = Vec::new();
    all.extend_from_slice(&count.to_le_bytes());
    all.extend_from_slice(&slots.to_le_bytes());
    all.extend(ends);
    all.extend(table.iter().flat_map(|token| token.to_le_bytes()));
    all.extend(bytes);
    Ok(all)
}
