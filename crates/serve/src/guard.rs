//! Who may ask: the `Host` the request is for, the `Origin` it comes from, and
//! the token it carries. Against pages that reach for a local service by a name
//! of their own (DNS rebinding) or from another site.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::access::{Access, Tokens};
use crate::error::ServeError;
use crate::problem::Problem;
use crate::state::AppState;

/// The rules for one listen address.
pub(crate) struct Guard {
    address: SocketAddr,
    tokens: Tokens,
    /// Names that requests may be for beside localhost and addresses, in lower case.
    hosts: Vec<String>,
    /// Pages that may ask beside our own, as browsers name them.
    origins: Vec<String>,
}

/// A request that may pass.
struct Passed {
    /// What it may do, or why nothing.
    access: Result<Access, Problem>,
    /// The page of another site that asks, and may.
    origin: Option<HeaderValue>,
}

impl Guard {
    /// Refuses an address that others can reach when there is no token, and names that
    /// cannot be any.
    pub(crate) fn new(
        address: SocketAddr,
        tokens: Tokens,
        hosts: &[String],
        origins: &[String],
    ) -> Result<Self, ServeError> {
        if tokens.is_empty() && !address.ip().is_loopback() {
            return Err(ServeError::TokenRequired { address });
        }
        for host in hosts {
            let is_name = host.parse::<Authority>().is_ok_and(|host| {
                host.port().is_none() && !host.as_str().contains(['@', ':', '*'])
            });
            if !is_name {
                return Err(ServeError::BadHost(host.clone()));
            }
        }
        for origin in origins {
            if authority_of(origin).is_none() {
                return Err(ServeError::BadOrigin(origin.clone()));
            }
        }
        Ok(Self {
            address,
            tokens,
            hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            origins: origins.to_vec(),
        })
    }

    fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<Passed, Problem> {
        check_size(headers)?;
        let host = self.host(uri, headers)?;
        let origin = self.check_origin(&host, headers)?;
        Ok(Passed {
            access: self.access(uri.path(), headers),
            origin,
        })
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
                    "this service does not answer for this host; ask for {}, or name it in the \
                     setting serve.hosts",
                    self.address
                )));
            }
        }
        Ok(host)
    }

    /// A name that no foreign DNS entry can stand behind, or one that was set.
    fn is_ours(&self, authority: &Authority) -> bool {
        let text = authority.as_str();
        if text.contains('@')
            || (text.ends_with(':') || authority.port().is_some()) && authority.port_u16().is_none()
        {
            return false;
        }
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        if host == "localhost" || self.hosts.contains(&host) {
            return true;
        }
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(&host);
        let Ok(ip) = bare.parse::<IpAddr>() else {
            return false;
        };
        ip.is_loopback() || ip == self.address.ip() || self.address.ip().is_unspecified()
    }

    fn access(&self, path: &str, headers: &HeaderMap) -> Result<Access, Problem> {
        // What tells nothing needs no token: the page asks for it, and clients that were
        // refused look for how to log in and must learn that there is no such way.
        let tells_nothing = path == "/healthz"
            || path == "/"
            || path.starts_with("/page/")
            || path == "/register"
            || path.starts_with("/.well-known/");
        if self.tokens.is_empty() || tells_nothing {
            return Ok(Access::all());
        }
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let token = given
            .next()
            .filter(|_| given.next().is_none())
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        if let Some(access) = token.and_then(|token| self.tokens.access(token)) {
            return Ok(access);
        }
        let challenge = HeaderValue::from_static("Bearer realm=\"wherein\"");
        Err(
            Problem::unauthorized("send a token of the service as `Authorization: Bearer TOKEN`")
                .header(header::WWW_AUTHENTICATE, challenge),
        )
    }

    /// No page at all, one of this very service, or one that was set.
    fn check_origin(
        &self,
        host: &Authority,
        headers: &HeaderMap,
    ) -> Result<Option<HeaderValue>, Problem> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(value) = origins.next() else {
            return Ok(None);
        };
        let origin = value.to_str().ok().filter(|_| origins.next().is_none());
        let is_own = |origin: &str| {
            let (theirs, port) = authority_of(origin)?;
            let own = host.port_u16().unwrap_or(if origin.starts_with("https:") {
                443
            } else {
                80
            });
            Some(host.host().eq_ignore_ascii_case(theirs.host()) && own == port)
        };
        if origin.and_then(is_own) == Some(true) {
            return Ok(None);
        }
        if let Some(origin) = origin
            && self
                .origins
                .iter()
                .any(|one| one.eq_ignore_ascii_case(origin))
        {
            return Ok(Some(value.clone()));
        }
        Err(Problem::foreign_origin(
            "pages of other sites may not ask this service, unless the setting serve.origins \
             names them",
        ))
    }
}

/// The host and port of an origin.
fn authority_of(origin: &str) -> Option<(Authority, u16)> {
    let (rest, usual) = if let Some(rest) = origin.strip_prefix("http://") {
        (rest, 80)
    } else {
        (origin.strip_prefix("https://")?, 443)
    };
    let authority: Authority = rest.parse().ok()?;
    if authority.as_str().contains('@') {
        return None;
    }
    let port = authority.port_u16().unwrap_or(usual);
    Some((authority, port))
}

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

/// Lets a request pass when host, origin and token are right, and notes what it may do.
pub(crate) async fn guard(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Passed { access, origin } = state.guard().check(request.uri(), request.headers())?;
    let Some(origin) = origin else {
        request.extensions_mut().insert(access?);
        return Ok(next.run(request).await);
    };
    // What browsers ask before they let a page of another site ask: without its token.
    let mut response = match access {
        _ if request.method() == Method::OPTIONS => preflight(),
        Ok(access) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("etag, location, retry-after, x-request-id"),
    );
    Ok(response)
}

fn preflight() -> Response {
    let headers = [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, PUT, DELETE"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "authorization, content-type, if-none-match, mcp-protocol-version, x-request-id",
            ),
        ),
        (
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        ),
    ];
    (axum::http::StatusCode::NO_CONTENT, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn guard(address: &str, tokens: &str) -> Guard {
        let tokens = match tokens {
            "" => Tokens::default(),
            text => Tokens::parse(text).expect("tokens"),
        };
        let hosts = ["search.example".to_owned()];
        let origins = ["https://portal.example".to_owned()];
        Guard::new(address.parse().expect("address"), tokens, &hosts, &origins).expect("guard")
    }

    fn status(guard: &Guard, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().expect("name");
            map.append(name, value.parse().expect("value"));
        }
        let uri = uri.parse().expect("uri");
        guard
            .check(&uri, &map)
            .and_then(|passed| passed.access)
            .map_or_else(|problem| problem.status().as_u16(), |_| 200)
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let guard = guard("127.0.0.1:7717", "");
        for host in [
            "localhost",
            "LOCALHOST:7717",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:7717",
            "[::1]:7717",
            "127.0.0.1:1",
            "search.example",
            "Search.Example.:443",
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
        let guard = guard("127.0.0.1:7717", "");
        let host = ("host", "localhost:7717");
        for origin in ["http://localhost:7717", "https://portal.example"] {
            assert_eq!(
                status(&guard, "/", &[host, ("origin", origin)]),
                200,
                "{origin}"
            );
        }
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:3000",
            "http://localhost",
            "file://",
            "http://localhost:7717.evil.example",
            "http://x@localhost:7717",
            "http://portal.example",
            "https://portal.example:8443",
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
            Guard::new(address, Tokens::default(), &[], &[]),
            Err(ServeError::TokenRequired { .. })
        ));
        let guard = guard("0.0.0.0:7717", TOKEN);
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

    #[test]
    fn names_that_cannot_be_any_are_refused() {
        let address = "127.0.0.1:1".parse().expect("address");
        let guard = |host: &str, origin: &str| {
            let (hosts, origins) = ([host.to_owned()], [origin.to_owned()]);
            Guard::new(address, Tokens::default(), &hosts, &origins)
        };
        assert!(guard("a.example", "https://b.example:1").is_ok());
        for bad in ["", "a.example:80", "a b", "*", "u@a.example"] {
            assert!(guard(bad, "https://b.example").is_err(), "{bad}");
        }
        for bad in [
            "",
            "*",
            "b.example",
            "ftp://b.example",
            "https://u@b.example",
        ] {
            assert!(guard("a.example", bad).is_err(), "{bad}");
        }
    }
}
