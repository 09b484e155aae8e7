//! The marked block in a file of instructions: put in once, and taken out whole.

use std::ops::Range;
use std::path::Path;

use crate::error::SetupError;

/// Around the block; what stands between is ours.
const START: &str = "<!-- wherein:start -->";
const END: &str = "<!-- wherein:end -->";
const TEXT: &str = include_str!("../text/instructions.md");

fn block(newline: &str) -> String {
    let text = TEXT.trim_end().replace('\n', newline);
    format!("{START}{newline}{text}{newline}{END}{newline}")
}

/// Where a block stands, with the line break behind it; an error when its marks do not
/// pair.
fn place(path: &Path, text: &str) -> Result<Option<Range<usize>>, SetupError> {
    let (start, end) = (text.find(START), text.find(END));
    let (starts, ends) = (text.matches(START).count(), text.matches(END).count());
    match (start, end) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) if start < end && starts == 1 && ends == 1 => {
            let end = end + END.len();
            let rest = &text[end..];
            let newline = ["\r\n", "\n"].into_iter().find(|one| rest.starts_with(one));
            Ok(Some(start..end + newline.map_or(0, str::len)))
        }
        _ => Err(SetupError::InTheWay {
            path: path.to_owned(),
            detail: format!("its marks {START} and {END} do not pair"),
        }),
    }
}

/// With the block: in place of an older one, else at the end after an empty line.
pub(crate) fn put(path: &Path, text: &str) -> Result<String, SetupError> {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let block = block(newline);
    if let Some(place) = place(path, text)? {
        let (before, after) = (&text[..place.start], &text[place.end..]);
        return Ok(format!("{before}{block}{after}"));
    }
    let gap = match text {
        "" => String::new(),
        text if text.ends_with('\n') => newline.to_owned(),
        _ => newline.repeat(2),
    };
    Ok(format!("{text}{gap}{block}"))
}

/// Without it, and without the empty line that was put before it.
pub(crate) fn take(path: &Path, text: &str) -> Result<String, SetupError> {
    let Some(place) = place(path, text)? else {
        return Ok(text.to_owned());
    };
    let (before, after) = (&text[..place.start], &text[place.end..]);
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = match before.strip_suffix(newline) {
        Some(short) if short.ends_with('\n') && after.is_empty() => short,
        _ => before,
    };
    Ok(format!("{before}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(text: &str) -> String {
        super::put(Path::new("AGENTS.md"), text).expect("puts")
    }

    fn take(text: &str) -> String {
        super::take(Path::new("AGENTS.md"), text).expect("takes")
    }

    #[test]
    fn marks_that_do_not_pair_are_not_touched() {
        for text in [
            format!("{START}\nold\nmy own words\n"),
            format!("a\n{END}\n"),
            format!("{END}\n{START}\n"),
            format!("{START}\nold\nmine\n{START}\nnew\n{END}\n"),
        ] {
            assert!(super::put(Path::new("AGENTS.md"), &text).is_err(), "{text}");
            assert!(
                super::take(Path::new("AGENTS.md"), &text).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn it_is_put_in_once_and_leaves_no_trace() {
        for text in ["", "# Mine\n", "# Mine\n\nText.\n", "a\r\nb\r\n"] {
            let with = put(text);
            assert!(with.starts_with(text) && with.contains(TEXT.lines().next().expect("a line")));
            assert_eq!(put(&with), with, "{text:?}");
            assert_eq!(take(&with), text);
        }
        // In the middle of what was written later.
        let grown = format!("{}\nMore.\n", put("# Mine\n"));
        assert_eq!(take(&grown), "# Mine\n\n\nMore.\n");
        let older = format!("a\n{START}\nold\n{END}\nb\n");
        assert_eq!(put(&older), format!("a\n{}b\n", block("\n")));
        assert_eq!(take("nothing of ours\n"), "nothing of ours\n");
    }
}
