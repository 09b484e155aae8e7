//! Private keys within a file's text: found by their PEM armour, masked byte for
//! byte so that every offset and line stays as it is.

use std::ops::Range;

/// A line of base64 in a key is never shorter, but for the last one.
const SHORTEST_LINE: usize = 16;

/// The first line of a key is never shorter; identifiers rarely are as long.
const SHORTEST_FIRST_LINE: usize = 32;

/// The base64 bodies of all private keys in `text`, as ranges of bytes. Keys in
/// string literals count, with `\n` escapes or cut into several literals.
pub(crate) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, opening) in text.match_indices("-----BEGIN ") {
        let label_start = at + opening.len();
        let Some(label_length) = text[label_start..].find("-----") else {
            break;
        };
        let label = &text[label_start..label_start + label_length];
        let is_key = (label.ends_with("PRIVATE KEY") || label.ends_with("PRIVATE KEY BLOCK"))
            && label
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b' ');
        if is_key {
            body(text.as_bytes(), label_start + label_length + 5, &mut found);
        }
    }
    found
}

/// `text` with the given ranges, of ASCII, overwritten by `*`.
pub(crate) fn mask(text: String, ranges: &[Range<usize>]) -> String {
    let mut bytes = text.into_bytes();
    for range in ranges {
        if let Some(body) = bytes.get_mut(range.clone()) {
            body.fill(b'*');
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => text,
        // Only for ranges that are not of ASCII, which `find` never gives.
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

/// Adds the runs of base64 that follow the opening line.
fn body(text: &[u8], mut at: usize, found: &mut Vec<Range<usize>>) {
    let mut shortest = SHORTEST_FIRST_LINE;
    loop {
        at = after_separators(text, at);
        if let Some(next) = after_header(text, at) {
            at = next;
            continue;
        }
        let length = text[at..]
            .iter()
            .take_while(|byte| is_base64(**byte))
            .count();
        let run = at..at + length;
        let is_last = shortest == SHORTEST_LINE && ends_key(text, run.end);
        if length == 0 || length < shortest && !is_last {
            return;
        }
        shortest = SHORTEST_LINE;
        at = run.end;
        found.push(run);
    }
}

/// Whether nothing but separators stands between `at` and the closing line.
fn ends_key(text: &[u8], at: usize) -> bool {
    text[after_separators(text, at)..].starts_with(b"-----END ")
}

/// Skips what may stand between two lines of a key: line ends, also as escapes,
/// indents, quotes, commas, operators and comment signs.
fn after_separators(text: &[u8], mut at: usize) -> usize {
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => {
                at += 1;
                if matches!(text.get(at), Some(b'n' | b'r' | b't')) {
                    at += 1;
                }
            }
            // `+` and `/` belong to base64 too: here only apart from letters.
            b'+' | b'/' if !text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) => {
                at += 1;
            }
            b'-' if text[at..].starts_with(b"-----") => return at,
            b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`' | b',' | b'.' | b';' | b'#'
            | b'*' | b'|' | b'>' | b'<' | b'(' | b')' | b'&' | b'-' => at += 1,
            _ => return at,
        }
    }
    at
}

/// Skips a line such as `Proc-Type: 4,ENCRYPTED`.
fn after_header(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    [
        &b"Proc-Type:"[..],
        b"DEK-Info:",
        b"Version:",
        b"Comment:",
        b"Hash:",
    ]
    .iter()
    .any(|header| rest.starts_with(header))
    .then(|| {
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\\' | b'"'));
        at + length.unwrap_or(rest.len())
    })
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7";

    fn masked(text: &str) -> String {
        let masked = mask(text.to_owned(), &find(text));
        assert_eq!(masked.len(), text.len());
        assert_eq!(masked.lines().count(), text.lines().count());
        masked
    }

    #[test]
    fn bodies_are_masked_in_every_shape() {
        for text in [
            format!(
                "-----BEGIN PRIVATE KEY-----\n{LINE}\n{LINE}\nab+/==\n-----END PRIVATE KEY-----\n"
            ),
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\r\nProc-Type: 4,ENCRYPTED\r\nDEK-Info: AES-256-CBC,AB\r\n\r\n{LINE}\r\nx==\r\n-----END RSA PRIVATE KEY-----"
            ),
            format!(
                "k = \"-----BEGIN EC PRIVATE KEY-----\\n{LINE}\\n{LINE}\\nab==\\n-----END EC PRIVATE KEY-----\\n\""
            ),
            format!(
                "\"-----BEGIN OPENSSH PRIVATE KEY-----\\n\" +\n    \"{LINE}\\n\" +\n    \"/{LINE}\\n\" +\n \"ab=\\n\" +\n \"-----END OPENSSH PRIVATE KEY-----\""
            ),
            format!(
                "    // -----BEGIN PRIVATE KEY-----\n    // {LINE}\n    // ab=\n    // -----END PRIVATE KEY-----\n"
            ),
            format!(
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n{LINE}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----"
            ),
            format!("-----BEGIN PRIVATE KEY-----\n{LINE}\n{LINE}"),
        ] {
            let masked = masked(&text);
            assert!(!masked.contains("MII"), "{masked}");
            assert!(!masked.contains("ab"), "{masked}");
            assert!(masked.contains("PRIVATE KEY"), "{masked}");
        }
    }

    #[test]
    fn what_holds_no_key_is_left_alone() {
        for text in [
            "if line == \"-----BEGIN PRIVATE KEY-----\" {\n    read_the_rest_of_the_key(line);\n}\n\"-----END PRIVATE KEY-----\"".to_owned(),
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----".to_owned(),
            "-----BEGIN PRIVATE KEY-----".to_owned(),
            "if has(s, \"-----BEGIN PRIVATE KEY-----\") && parsePrivateKeyFromText(s)".to_owned(),
            "-----BEGIN ".to_owned(),
            format!("-----BEGIN PUBLIC KEY-----\n{LINE}\n-----END PUBLIC KEY-----"),
            format!("-----BEGIN CERTIFICATE-----\n{LINE}\n-----END CERTIFICATE-----"),
        ] {
            assert_eq!(masked(&text), text);
        }
    }

    #[test]
    fn text_after_a_key_stays() {
        let text = format!(
            "-----BEGIN PRIVATE KEY-----\n{LINE}\n-----END PRIVATE KEY-----\nfn function_with_a_long_name() {{}} // ä\n"
        );
        assert!(masked(&text).ends_with("fn function_with_a_long_name() {} // ä\n"));
    }
}
