//! From bytes to text, and the gates that need to see the content.

use wherein_core::{Language, SkipReason};

use crate::secrets::is_program;
use crate::{keys, markers};

/// Bytes at the start in which a NUL makes a file binary, as for git.
const NUL_WINDOW: usize = 8 << 10;

/// A file is no text when more than one byte in this many is none in UTF-8.
const ONE_BAD_BYTE_IN: usize = 8;

/// A file is no text when more than one byte in this many is a control character.
const ONE_CONTROL_BYTE_IN: usize = 32;

/// Minified: lines longer than this on average ...
const LONG_AVERAGE_BYTES: usize = 500;

/// ... in a file larger than this.
const SHORTEST_MINIFIED_BYTES: usize = 5 << 10;

/// Minified too: most of the file stands in lines longer than this.
const LONG_LINE_BYTES: usize = 20 << 10;

/// Why a file's content is not indexed.
pub(crate) type Refused = (SkipReason, String);

/// The text and language of a file named `name` with these bytes, or why it is
/// not indexed.
pub(crate) fn examine(name: &str, bytes: Vec<u8>) -> Result<(Language, String), Refused> {
    let text = decode(bytes)?;
    if text.trim().is_empty() {
        return Err((SkipReason::Empty, "no line that is not blank".to_owned()));
    }
    let language = Language::detect(name, &text);
    let keys = keys::find(&text);
    if !keys.is_empty() && !is_program(language) {
        return Err((SkipReason::Secret, "holds a private key".to_owned()));
    }
    if let Some(detail) = minified(&text, language) {
        return Err((SkipReason::Minified, detail));
    }
    if let Some(detail) = markers::find(&text, language) {
        return Err((SkipReason::Generated, detail));
    }
    let text = if keys.is_empty() {
        text
    } else {
        keys::mask(text, &keys)
    };
    Ok((language, text))
}

/// UTF-8 as it is, without its byte order mark; UTF-16 by its mark; bytes that
/// are no UTF-8 as Latin-1 when none of them are, else each as U+FFFD.
fn decode(bytes: Vec<u8>) -> Result<String, Refused> {
    let text = match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        _ => return utf8(bytes),
    };
    check_text(text.as_bytes(), 0)?;
    Ok(text)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Refused> {
    let units = bytes.chunks_exact(2);
    if !units.remainder().is_empty() {
        return Err(binary("UTF-16 with half a character at its end"));
    }
    char::decode_utf16(units.map(|pair| unit([pair[0], pair[1]])))
        .collect::<Result<String, _>>()
        .map_err(|_| binary("a UTF-16 mark, but no UTF-16"))
}

fn utf8(mut bytes: Vec<u8>) -> Result<String, Refused> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    let invalid = count_invalid(&bytes);
    check_text(&bytes, invalid)?;
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let bytes = error.as_bytes();
    let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
    Ok(if invalid == high {
        bytes.iter().copied().map(char::from).collect()
    } else {
        String::from_utf8_lossy(bytes).into_owned()
    })
}

/// Bytes that belong to no character of UTF-8.
fn count_invalid(bytes: &[u8]) -> usize {
    if std::str::from_utf8(bytes).is_ok() {
        return 0;
    }
    bytes.utf8_chunks().map(|chunk| chunk.invalid().len()).sum()
}

fn check_text(bytes: &[u8], invalid: usize) -> Result<(), Refused> {
    let start = &bytes[..bytes.len().min(NUL_WINDOW)];
    if let Some(at) = start.iter().position(|&byte| byte == 0) {
        return Err(binary(&format!("a NUL at byte {at}")));
    }
    if invalid > 0 && invalid > bytes.len() / ONE_BAD_BYTE_IN {
        let percent = invalid * 100 / bytes.len();
        return Err(binary(&format!("{percent} % of its bytes are no UTF-8")));
    }
    let is_control = |byte: &&u8| matches!(**byte, 0..=8 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    let controls = bytes.iter().filter(is_control).count();
    if controls > bytes.len() / ONE_CONTROL_BYTE_IN && controls > 4 {
        return Err(binary(&format!("{controls} control characters")));
    }
    Ok(())
}

fn binary(detail: &str) -> Refused {
    (SkipReason::Binary, detail.to_owned())
}

/// What shows that the text was shortened by a machine.
fn minified(text: &str, language: Language) -> Option<String> {
    let applies = matches!(
        language,
        Language::JavaScript | Language::Css | Language::Html | Language::Json
    );
    if !applies || text.len() <= SHORTEST_MINIFIED_BYTES {
        return None;
    }
    let lines = text.lines().count().max(1);
    let average = text.len() / lines;
    if average > LONG_AVERAGE_BYTES {
        return Some(format!("lines of {average} bytes on average"));
    }
    let in_long_lines: usize = text
        .lines()
        .map(str::len)
        .filter(|length| *length > LONG_LINE_BYTES)
        .sum();
    (in_long_lines > text.len() / 2)
        .then(|| format!("{in_long_lines} of {} bytes in long lines", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(name: &str, bytes: &[u8]) -> Option<SkipReason> {
        examine(name, bytes.to_vec()).err().map(|refused| refused.0)
    }

    fn text(name: &str, bytes: &[u8]) -> Option<String> {
        examine(name, bytes.to_vec()).ok().map(|(_, text)| text)
    }

    #[test]
    fn text_is_decoded_by_what_it_is() {
        assert_eq!(text("a", "ä\r\nb".as_bytes()).as_deref(), Some("ä\r\nb"));
        assert_eq!(text("a", b"\xef\xbb\xbfa").as_deref(), Some("a"));
        assert_eq!(text("a", b"\xff\xfea\0\xe4\0").as_deref(), Some("aä"));
        assert_eq!(text("a", b"\xfe\xff\0a\0\xe4").as_deref(), Some("aä"));
        assert_eq!(
            text("a.c", b"/* f\xfcr alle */ int x;").as_deref(),
            Some("/* für alle */ int x;")
        );
        assert_eq!(
            text(
                "a.c",
                "/* für alle \u{e4}\u{e4}\u{e4} "
                    .bytes()
                    .chain(*b"\xff */")
                    .collect::<Vec<_>>()
                    .as_slice()
            )
            .as_deref(),
            Some("/* für alle äää \u{fffd} */")
        );
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let random: Vec<u8> = (1..=255).cycle().take(4000).collect();
        for bytes in [
            &b"abc\0def"[..],
            &random,
            b"\xff\xfea\0b",
            b"\xff\xfe\x00\xd8a\0",
            b"\xff\xfe\0\0a\0\0\0",
        ] {
            assert_eq!(reason("a", bytes), Some(SkipReason::Binary), "{bytes:?}");
        }
        let mut late = vec![b'a'; NUL_WINDOW];
        late.push(0);
        assert_eq!(reason("a", &late), None);
    }

    #[test]
    fn blank_files_are_empty() {
        assert_eq!(reason("a", b""), Some(SkipReason::Empty));
        assert_eq!(reason("a", b" \n\t\r\n"), Some(SkipReason::Empty));
        assert_eq!(reason("a", b"\xef\xbb\xbf\n"), Some(SkipReason::Empty));
    }

    #[test]
    fn minified_shapes() {
        let long = "var a=1;".repeat(1000);
        assert_eq!(reason("a.js", long.as_bytes()), Some(SkipReason::Minified));
        assert_eq!(reason("a.rs", long.as_bytes()), None);
        assert_eq!(reason("a.js", &long.as_bytes()[..4000]), None);
        let normal = "var a = 1;\n".repeat(1000);
        assert_eq!(reason("a.js", normal.as_bytes()), None);
        let one_long = format!("{}{}\n", "a();\n".repeat(2000), "x".repeat(30_000));
        assert_eq!(
            reason("a.js", one_long.as_bytes()),
            Some(SkipReason::Minified)
        );
    }

    #[test]
    fn keys_are_masked_in_programs_and_refused_elsewhere() {
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj";
        let key = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        assert_eq!(
            reason("notes.txt", key.as_bytes()),
            Some(SkipReason::Secret)
        );
        assert_eq!(reason("a.yaml", key.as_bytes()), Some(SkipReason::Secret));
        assert_eq!(reason("a.json", key.as_bytes()), Some(SkipReason::Secret));
        let program = format!("KEY = '''{key}'''\n");
        let masked = text("a.py", program.as_bytes()).unwrap_or_default();
        assert_eq!(masked, program.replace(body, &"*".repeat(body.len())));
    }
}
