//! `wherein context QUERY [PATH]`: a text for a prompt, within a token budget.

use std::io::{IsTerminal, Write};

use anyhow::{Context, Result};
use wherein_core::ContextAnswer;
use wherein_index::ContextOptions;

use super::{MEANING_ALONE, json, remark, tell_pending};
use crate::args::ContextArguments;
use crate::{Ending, display, session};

pub(crate) fn run(arguments: &ContextArguments) -> Result<Ending> {
    let options = ContextOptions {
        budget_tokens: arguments.budget,
        tokenizer: arguments.tokenizer,
        format: arguments.format,
        exclude: arguments.exclude.clone(),
    };
    options.check()?;
    let answer = session::ask(
        arguments.path.as_deref(),
        arguments.no_refresh,
        arguments.rerank.is_some(),
        |_| Ok(arguments.query()?),
        |repository, query| repository.context(query, &options),
    )?;
    let Some((answer, repository)) = answer else {
        return Ok(Ending::Interrupted);
    };
    if arguments.json {
        json(&answer)?;
    } else {
        write(&answer).context("cannot write to standard output")?;
    }
    tell_pending(&answer.index);
    session::fill_behind(&repository, &answer.index);
    if answer.by_meaning_alone {
        remark(MEANING_ALONE);
    }
    if !answer.not_excluded.is_empty() {
        remark(&format!(
            "no such file in the index, so nothing is left out for {}",
            answer.not_excluded.join(", ")
        ));
    }
    if answer.blocks.is_empty() {
        if !arguments.json {
            remark(&if answer.left_out == 0 {
                "nothing found".to_owned()
            } else {
                format!(
                    "nothing that was found fits in {} tokens",
                    answer.budget_tokens
                )
            });
        }
        return Ok(Ending::NothingFound);
    }
    if std::io::stderr().is_terminal() && !arguments.json {
        summarize(&answer);
    }
    Ok(Ending::Found)
}

fn write(answer: &ContextAnswer) -> std::io::Result<()> {
    // Names and code may hold anything; a terminal must not obey it.
    let text = if std::io::stdout().is_terminal() {
        display::sanitized(&answer.text)
    } else {
        answer.text.clone()
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.is_empty() && !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

fn summarize(answer: &ContextAnswer) {
    let mut files: Vec<&str> = answer
        .blocks
        .iter()
        .map(|block| block.path.as_str())
        .collect();
    files.dedup();
    let left_out = match answer.left_out {
        0 => String::new(),
        some => format!("; {some} more did not fit"),
    };
    remark(&format!(
        "{} of {} tokens ({}), {} of {}{left_out}",
        display::count(answer.tokens as u64),
        display::count(answer.budget_tokens as u64),
        answer.tokenizer,
        display::counted(answer.blocks.len() as u64, "span"),
        display::counted(files.len() as u64, "file"),
    ));
}
