//! Who may ask: the `Host` the request is for, the `Origin` it comes from, and
//! the token it carries. Against pages that reach for a local service by a name
//! of their own (DNS rebinding) or from another site.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header, uri::Authority};
use axum::middleware::Next;
use axum::response::Response;

use crate::error::ServeError;
use crate::problem::Problem;
use crate::state::AppState;

/// Longest token.
const MAX_TOKEN_BYTES: usize = 512;
/// A shorter one can be guessed.
const GOOD_TOKEN_BYTES: usize = 16;

/// The rules for one listen address.
pub(crate) struct Guard {
    address: SocketAddr,
    token: Option<String>,
}

impl Guard {
    /// Refuses an address that others can reach when there is no token.
    pub(crate) fn new(address: SocketAddr, token: Option<String>) -> Result<Self, ServeError> {
        if token.is_none() && !address.ip().is_loopback() {
            return Err(ServeError::TokenRequired { address });
        }
        if let Some(token) = &token {
            if token.is_empty() || token.len() > MAX_TOKEN_BYTES {
                return Err(ServeError::BadToken("empty or too long"));
            }
            if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ServeError::BadToken("not printable, or has blanks"));
            }
            if token.len() < GOOD_TOKEN_BYTES {
                tracing::warn!(
                    "the token has less than {GOOD_TOKEN_BYTES} characters and can be guessed"
                );
            }
        }
        Ok(Self { address, token })
    }

    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Problem> {
        check_size(headers)?;
        let host = self.host(uri, headers)?;
        check_origin(&host, headers)?;
        // What tells nothing needs no token: clients that were refused one look for how
        // to log in, and must learn that there is no such way.
        let path = uri.path();
        if path == "/healthz" || path == "/register" || path.starts_with("/.well-known/") {
            return Ok(());
        }
        self.check_token(headers)
    }

    /// The host that is asked for, when it is ours.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<Authority, Problem> {
        let mut given = headers.get_all(header::HOST).iter();
        let (Some(value), None) = (given.next(), given.next()) else {
            return Err(Problem::bad_request("exactly one Host header is required"));
        };
        let host: Authority = value
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Problem::bad_request("the Host header is no host"))?;
        for authority in [Some(&host), uri.authority()].into_iter().flatten() {
            if !self.is_ours(authority) {
                return Err(Problem::misdirected(format!(
                    "this service does not answer for this host; ask for {}",
                    self.address
                )));
            }
        }
        Ok(host)
    }

    /// A name that no foreign DNS entry can stand behind.
    fn is_ours(&self, authority: &Authority) -> bool {
        let text = authority.as_str();
        if text.contains('@')
            || (text.ends_with(':') || authority.port().is_some()) && authority.port_u16().is_none()
        {
            return false;
        }
        let host = authority.host();
        if host.trim_end_matches('.').eq_ignore_ascii_case("localhost") {
            return true;
        }
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let Ok(ip) = bare.parse::<IpAddr>() else {
            return false;
        };
        ip.is_loopback() || ip == self.address.ip() || self.address.ip().is_unspecified()
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        if given.is_some_and(|given| is_same(given.as_bytes(), token.as_bytes())) {
            return Ok(());
        }
        let challenge = HeaderValue::from_static("Bearer realm=\"wherein\"");
        Err(
            Problem::unauthorized("send the service's token as `Authorization: Bearer TOKEN`")
                .header(header::WWW_AUTHENTICATE, challenge),
        )
    }
}

/// No page at all, or one of this very service.
/// Most header fields of a request, and most bytes of them all.
const MAX_FIELDS: usize = 100;
const MAX_FIELD_BYTES: usize = 32 << 10;

fn check_size(headers: &HeaderMap) -> Result<(), Problem> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if headers.len() > MAX_FIELDS || bytes > MAX_FIELD_BYTES {
        return Err(Problem::large_header(format!(
            "{} header fields of {bytes} bytes; at most {MAX_FIELDS} of {MAX_FIELD_BYTES} are taken",
            headers.len()
        )));
    }
    Ok(())
}

fn check_origin(host: &Authority, headers: &HeaderMap) -> Result<(), Problem> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return Ok(());
    };
    let is_same = |origin: &str| {
        let authority = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"))?
            .parse::<Authority>()
            .ok()?;
        let default = if origin.starts_with("https:") {
            443
        } else {
            80
        };
        let ours = (host.host(), host.port_u16().unwrap_or(default));
        let theirs = (authority.host(), authority.port_u16().unwrap_or(default));
        Some(ours.0.eq_ignore_ascii_case(theirs.0) && ours.1 == theirs.1)
    };
    if origins.next().is_none() && origin.to_str().ok().and_then(is_same) == Some(true) {
        return Ok(());
    }
    Err(Problem::foreign_origin(
        "pages of other sites may not ask this service",
    ))
}

/// Compares in a time that depends on the lengths only.
fn is_same(given: &[u8], token: &[u8]) -> bool {
    let mut difference = given.len() ^ token.len();
    for (index, byte) in token.iter().enumerate() {
        difference |= usize::from(byte ^ given.get(index).unwrap_or(&0));
    }
    std::hint::black_box(difference) == 0
}

/// Lets a request pass when host, origin and token are right.
pub(crate) async fn guard(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    state.guard().check(request.uri(), request.headers())?;
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(guard: &Guard, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().expect("name");
            map.append(name, value.parse().expect("value"));
        }
        let uri = uri.parse().expect("uri");
        guard
            .check(&uri, &map)
            .map_or_else(|problem| problem.status().as_u16(), |()| 200)
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let guard = Guard::new("127.0.0.1:7717".parse().expect("address"), None).expect("guard");
        for host in [
            "localhost",
            "LOCALHOST:7717",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:7717",
            "[::1]:7717",
            "127.0.0.1:1",
        ] {
            assert_eq!(status(&guard, "/", &[("host", host)]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:7717",
            "localhost.evil.example",
            "127.0.0.1.nip.io",
            "10.0.0.1",
            "0.0.0.0",
            "user@localhost",
        ] {
            assert_eq!(status(&guard, "/", &[("host", host)]), 421, "{host}");
        }
        assert_eq!(status(&guard, "/", &[]), 400);
        assert_eq!(
            status(&guard, "/", &[("host", "localhost"), ("host", "localhost")]),
            400
        );
        assert_eq!(status(&guard, "/", &[("host", "a b")]), 400);
        assert_eq!(
            status(&guard, "http://evil.example/", &[("host", "localhost")]),
            421
        );
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let guard = Guard::new("127.0.0.1:7717".parse().expect("address"), None).expect("guard");
        let host = ("host", "localhost:7717");
        assert_eq!(
            status(&guard, "/", &[host, ("origin", "http://localhost:7717")]),
            200
        );
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:3000",
            "http://localhost",
            "file://",
            "http://localhost:7717.evil.example",
            "localhost:7717",
        ] {
            assert_eq!(
                status(&guard, "/", &[host, ("origin", origin)]),
                403,
                "{origin}"
            );
        }
    }

    #[test]
    fn a_token_is_asked_for_where_there_is_one() {
        let address = "0.0.0.0:7717".parse().expect("address");
        assert!(matches!(
            Guard::new(address, None),
            Err(ServeError::TokenRequired { .. })
        ));
        for bad in ["", "with a blank in it", "ümlaut-ümlaut-ümlaut"] {
            assert!(Guard::new(address, Some(bad.to_owned())).is_err(), "{bad}");
        }
        let guard = Guard::new(address, Some("0123456789abcdef".to_owned())).expect("guard");
        let host = ("host", "10.1.2.3:7717");
        assert_eq!(status(&guard, "/healthz", &[host]), 200);
        assert_eq!(status(&guard, "/readyz", &[host]), 401);
        assert_eq!(
            status(
                &guard,
                "/readyz",
                &[host, ("authorization", "Bearer 0123456789abcdef")]
            ),
            200
        );
        for wrong in [
            "Bearer 0123456789abcdeg",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
            "Basic 0123456789abcdef",
            "0123456789abcdef",
        ] {
            assert_eq!(
                status(&guard, "/readyz", &[host, ("authorization", wrong)]),
                401,
                "{wrong}"
            );
        }
    }
}
