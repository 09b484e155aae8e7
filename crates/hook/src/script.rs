//! The text of hooks: our line, where it goes in, and how it comes out again.

use std::path::{Path, PathBuf};

/// What ends our line in every hook that has it.
const MARK: &str = " # wherein hook";
/// What the hook before ours is renamed to, behind its own name.
pub(crate) const CHAINED: &str = ".before-wherein";
/// How ours goes on with it: in its place, with its arguments and its input.
const CHAIN: &str =
    "[ ! -x \"$0.before-wherein\" ] || exec \"$0.before-wherein\" \"$@\" # wherein hook\n";
/// How a hook of ours begins.
const SHEBANG: &str = "#!/bin/sh\n";
/// Shells whose scripts take our line.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "busybox"];

/// A path as a word of a shell; `None` when it is not text of one line.
pub(crate) fn quoted(program: &Path) -> Option<String> {
    let text = program.to_str()?;
    if text.contains(['\n', '\r', '\0']) {
        return None;
    }
    // Git brings a shell to Windows too, where `\` would be an escape.
    let text = if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.to_owned()
    };
    Some(format!("'{}'", text.replace('\'', r"'\''")))
}

/// The line that calls `program`, a word of a shell, and waits for nothing; what
/// git holds open for its hook is not held by it.
pub(crate) fn line(name: &str, program: &str) -> String {
    format!("{program} hook run {name} </dev/null >/dev/null 2>&1 &{MARK}")
}

/// A hook that has our line alone.
pub(crate) fn alone(line: &str) -> String {
    format!("{SHEBANG}{line}\n")
}

/// A hook that has our line and then goes on with the one before it.
pub(crate) fn chaining(line: &str) -> String {
    format!("{SHEBANG}{line}\n{CHAIN}")
}

/// Whether a hook goes on with one before it.
pub(crate) fn chains(bytes: &[u8]) -> bool {
    bytes.ends_with(CHAIN.as_bytes())
}

/// Whether nothing is in a hook but what we have put there.
pub(crate) fn is_all_ours(bytes: &[u8]) -> bool {
    let text = std::str::from_utf8(bytes).ok();
    let lines = text.and_then(|text| text.strip_prefix(SHEBANG));
    lines.is_some_and(|lines| lines.lines().all(|line| line.ends_with(MARK)))
}

/// Our line in a hook, without its end.
pub(crate) fn our_line(bytes: &[u8]) -> Option<&str> {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let ours = lines.find(|line| {
        let text = std::str::from_utf8(line).unwrap_or_default();
        text.trim_end_matches('\r').ends_with(MARK) && text.contains(" hook run ")
    })?;
    std::str::from_utf8(ours).ok()
}

/// The program that our line calls.
pub(crate) fn program(line: &str) -> Option<PathBuf> {
    let (word, _) = line.split_once(" hook run ")?;
    let inner = word.trim().strip_prefix('\'')?.strip_suffix('\'')?;
    Some(PathBuf::from(inner.replace(r"'\''", "'")))
}

/// Whether a hook is a script that takes our line.
pub(crate) fn is_shell(bytes: &[u8]) -> bool {
    if bytes.is_empty() || bytes.contains(&0) {
        return false;
    }
    let first = bytes.split(|byte| *byte == b'\n').next();
    let first = first.and_then(|line| std::str::from_utf8(line).ok());
    let Some(command) = first.and_then(|line| line.strip_prefix("#!")) else {
        // Git has the shell run what has no first line of this kind.
        return std::str::from_utf8(bytes).is_ok();
    };
    let mut words = command.split_whitespace();
    let name = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let mut interpreter = words.next().map(name).unwrap_or_default();
    if interpreter == "env" {
        interpreter = words
            .find(|word| !word.starts_with('-'))
            .map(name)
            .unwrap_or_default();
    }
    // With `\r` at its end the line names no program: such a hook never ran.
    !command.ends_with('\r') && SHELLS.contains(&interpreter.as_str())
}

/// A script with our line after its first, or at its top when that names no shell.
pub(crate) fn with_line(bytes: &[u8], line: &str) -> Vec<u8> {
    let mut made = Vec::with_capacity(bytes.len() + line.len() + 1);
    if !bytes.starts_with(b"#!") {
        made.extend_from_slice(line.as_bytes());
        made.push(b'\n');
        made.extend_from_slice(bytes);
        return made;
    }
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (first, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
    made.extend_from_slice(first);
    made.push(b'\n');
    made.extend_from_slice(line.as_bytes());
    // The line end that followed the first line follows ours.
    made.extend_from_slice(rest);
    made
}

/// A script without our lines.
pub(crate) fn without_line(bytes: &[u8]) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    lines.retain(|line| !line.ends_with(MARK.as_bytes()));
    lines.join(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_in_and_comes_out_byte_for_byte() {
        let line = line("post-commit", "'/opt/w/wherein'");
        for before in [
            "#!/bin/sh\necho one\n",
            "#!/bin/sh",
            "#!/bin/sh\n",
            "#!/usr/bin/env bash\n\n\nexit 0",
            "echo without a first line",
            "echo\n",
            "#!/bin/sh\r\necho\r\n",
        ] {
            let with = with_line(before.as_bytes(), &line);
            assert_eq!(our_line(&with), Some(line.as_str()), "{before:?}");
            assert_eq!(without_line(&with), before.as_bytes(), "{before:?}");
            assert_eq!(with.starts_with(b"#!"), before.starts_with("#!"));
        }
    }

    #[test]
    fn shells_are_told_from_others() {
        for shell in [
            "#!/bin/sh\n",
            "#!/usr/bin/env bash\n",
            "#!/usr/bin/env -S zsh -f\n",
            "#! /bin/dash -e\n",
            "echo\n",
        ] {
            assert!(is_shell(shell.as_bytes()), "{shell:?}");
        }
        for other in [
            "",
            "#!/usr/bin/python3\n",
            "#!/usr/bin/env node\n",
            "#!/bin/sh\r\n",
            "\u{7f}ELF\0",
        ] {
            assert!(!is_shell(other.as_bytes()), "{other:?}");
        }
    }

    #[test]
    fn programs_are_named_whatever_their_path_is() {
        for path in ["/usr/bin/wherein", "/it's here/a b/wherein", "/$HOME/`x`/w"] {
            let word = quoted(Path::new(path)).expect("a word");
            let line = line("post-merge", &word);
            assert_eq!(program(&line), Some(PathBuf::from(path)));
        }
        assert_eq!(quoted(Path::new("/a\nb")), None);
    }

    #[test]
    fn what_is_ours_is_known() {
        let line = line("post-commit", "'/w'");
        assert!(is_all_ours(alone(&line).as_bytes()));
        assert!(is_all_ours(chaining(&line).as_bytes()));
        assert!(chains(chaining(&line).as_bytes()) && !chains(alone(&line).as_bytes()));
        assert!(CHAIN.contains(CHAINED));
        let more = format!("{}echo mine\n", alone(&line));
        assert!(!is_all_ours(more.as_bytes()));
    }
}
