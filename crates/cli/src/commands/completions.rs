//! `wherein completions SHELL`.

use std::io::Write;

use anyhow::Result;
use clap::CommandFactory;

use crate::Ending;
use crate::args::{Arguments, CompletionsArguments};

pub(crate) fn run(arguments: &CompletionsArguments) -> Result<Ending> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut Arguments::command(),
        "wherein",
        &mut script,
    );
    let mut out = std::io::stdout().lock();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Ending::Found)
}
