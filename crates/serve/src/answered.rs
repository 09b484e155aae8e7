//! Answers as they are sent: JSON with a tag that is the same as long as the answer is, and
//! fixed texts that a browser keeps.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::problem::Problem;

/// What stands before the only number that differs between two same answers. No text of
/// an answer has it: quotes within one are escaped.
const TIME: &[u8] = b"\"took_ms\":";

/// A JSON answer with an `ETag` over all of it but the time that it took: two answers
/// with one tag say the same.
pub(crate) fn tagged(answer: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(answer)
        .map_err(|error| Problem::internal(format!("the answer cannot be written: {error}")))?;
    let tag = tag(&body);
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        ),
        (header::ETAG, tag),
    ];
    Ok((headers, body).into_response())
}

fn tag(body: &[u8]) -> HeaderValue {
    let at = body.windows(TIME.len()).position(|part| part == TIME);
    let start = at.map_or(body.len(), |at| at + TIME.len());
    let is_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    let end = start
        + body[start..]
            .iter()
            .take_while(|byte| is_number(byte))
            .count();
    let mut hasher = blake3::Hasher::new();
    hasher.update(&body[..start]);
    hasher.update(&body[end..]);
    named(&hasher.finalize())
}

/// A weak tag: what is sent may be compressed.
fn named(hash: &blake3::Hash) -> HeaderValue {
    let hex = hash.to_hex();
    HeaderValue::from_str(&format!("W/\"{}\"", &hex[..32]))
        .unwrap_or(HeaderValue::from_static("W/\"\""))
}

/// A text that changes with the program only: asked for again with its tag, it is not
/// sent again.
pub(crate) fn fixed(media_type: &'static str, body: Bytes, asked: &HeaderMap) -> Response {
    let tag = named(&blake3::hash(&body));
    let has_it = asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim() == "*" || Some(one.trim()) == tag.to_str().ok());
    let headers = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_TYPE, HeaderValue::from_static(media_type)),
    ];
    if has_it {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_says_whether_two_answers_are_the_same_but_for_their_time() {
        let of = |text: &str| tag(text.as_bytes());
        let first = of(r#"{"query":"a","took_ms":1.25,"hits":[]}"#);
        assert_eq!(first, of(r#"{"query":"a","took_ms":3e-2,"hits":[]}"#));
        assert_ne!(first, of(r#"{"query":"a","took_ms":1.25,"hits":[1]}"#));
        assert_ne!(first, of(r#"{"query":"b","took_ms":1.25,"hits":[]}"#));
        // A question about this very key is a part of the answer.
        let odd = |time: &str| {
            let query = serde_json::to_string("\"took_ms\":7").expect("text");
            of(&format!("{{\"query\":{query},\"took_ms\":{time}}}"))
        };
        assert_eq!(odd("1"), odd("2.5"));
        assert_ne!(of("{}"), of("[]"));
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let body = || Bytes::from_static(b"text");
        let first = fixed("text/plain", body(), &HeaderMap::new());
        assert_eq!(first.status(), 200);
        let tag = first.headers()[header::ETAG].clone();
        let mut asked = HeaderMap::new();
        let both = format!("\"other\", {}", tag.to_str().expect("text"));
        asked.insert(header::IF_NONE_MATCH, both.parse().expect("value"));
        let second = fixed("text/plain", body(), &asked);
        assert_eq!(
            (second.status().as_u16(), &second.headers()[header::ETAG]),
            (304, &tag)
        );
        asked.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert_eq!(fixed("text/plain", body(), &asked).status(), 200);
    }
}
