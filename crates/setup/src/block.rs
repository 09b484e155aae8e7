//! The marked block in a file of instructions: put in once, and taken out whole.

/// Around the block; what stands between is ours.
const START: &str = "<!-- wherein:start -->";
const END: &str = "<!-- wherein:end -->";
const TEXT: &str = include_str!("../text/instructions.md");

fn block(newline: &str) -> String {
    let text = TEXT.trim_end().replace('\n', newline);
    format!("{START}{newline}{text}{newline}{END}{newline}")
}

/// Where a block stands, with the line break behind it.
fn place(text: &str) -> Option<std::ops::Range<usize>> {
    let start = text.find(START)?;
    let end = start + text[start..].find(END)? + END.len();
    let rest = &text[end..];
    let newline = ["\r\n", "\n"].into_iter().find(|one| rest.starts_with(one));
    Some(start..end + newline.map_or(0, str::len))
}

/// With the block: in place of an older one, else at the end after an empty line.
pub(crate) fn put(text: &str) -> String {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let block = block(newline);
    if let Some(place) = place(text) {
        return format!("{}{block}{}", &text[..place.start], &text[place.end..]);
    }
    let gap = match text {
        "" => String::new(),
        text if text.ends_with('\n') => newline.to_owned(),
        _ => newline.repeat(2),
    };
    format!("{text}{gap}{block}")
}

/// Without it, and without the empty line that was put before it.
pub(crate) fn take(text: &str) -> String {
    let Some(place) = place(text) else {
        return text.to_owned();
    };
    let (before, after) = (&text[..place.start], &text[place.end..]);
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = match before.strip_suffix(newline) {
        Some(short) if short.ends_with('\n') && after.is_empty() => short,
        _ => before,
    };
    format!("{before}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

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
