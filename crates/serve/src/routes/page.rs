//! `/`: the web page, as it is built into the program.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::answered;
use crate::problem::Problem;
use crate::state::AppState;

/// A file of the page: its name, its media type, its text.
type File = (&'static str, &'static str, &'static str);

macro_rules! files {
    ($($name:literal: $media_type:expr,)*) => {
        &[$(($name, $media_type, include_str!(concat!("../page/", $name)))),*]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";

const INDEX: &str = include_str!("../page/index.html");
const FILES: &[File] = files! {
    "style.css": CSS,
    "api.js": JS,
    "code.js": JS,
    "context.js": JS,
    "dom.js": JS,
    "filters.js": JS,
    "hit.js": JS,
    "hits.js": JS,
    "jobs.js": JS,
    "keys.js": JS,
    "languages.js": JS,
    "lexer.js": JS,
    "main.js": JS,
    "repos.js": JS,
    "search.js": JS,
    "theme.js": JS,
    "view.js": JS,
    "why.js": JS,
};

/// Nothing but what comes from this service, no text as code, in no other page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// The routes of the page; no part of the API.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(index))
        .route("/page/{name}", get(file))
}

async fn index(headers: HeaderMap) -> Response {
    send(HTML, INDEX, &headers)
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let found = FILES.iter().find(|file| file.0 == name);
    match found {
        Some((_, media_type, text)) => send(media_type, text, &headers),
        None => Problem::unknown_route(format!("the page has no file {name:?}")).into_response(),
    }
}

fn send(media_type: &'static str, text: &'static str, headers: &HeaderMap) -> Response {
    let mut response = answered::fixed(media_type, Bytes::from_static(text.as_bytes()), headers);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_sent_and_stays_small() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/page");
        let mut bytes = INDEX.len();
        for entry in std::fs::read_dir(folder).expect("folder").flatten() {
            let name = entry.file_name().into_string().expect("text");
            if name == "index.html" {
                continue;
            }
            let found = FILES.iter().find(|file| file.0 == name);
            bytes += found
                .unwrap_or_else(|| panic!("{name} is not sent"))
                .2
                .len();
        }
        assert!(bytes < 100_000, "{bytes}");
    }
}
