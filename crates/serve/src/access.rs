//! Who may do what: tokens, each with a scope and the repositories that it opens.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::error::ServeError;
use crate::problem::Problem;
use crate::registry;

/// Longest token, in characters.
const MAX_TOKEN_CHARS: usize = 512;
/// Shorter ones can be guessed.
const MIN_TOKEN_CHARS: usize = 16;
/// Most tokens.
const MAX_TOKENS: usize = 256;

/// What a token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenScope {
    /// Asking.
    Read,
    /// Asking, registering repositories, and starting and stopping jobs.
    Admin,
}

/// A token of the service.
#[derive(Clone, Debug)]
pub struct Token {
    /// Of its characters: they are kept nowhere, and two of these are compared in a time
    /// that says nothing of them.
    hash: blake3::Hash,
    access: Access,
}

/// What one request may do.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    scope: TokenScope,
    /// Names of the repositories that exist for it; `None` is all.
    only: Option<Arc<BTreeSet<String>>>,
}

impl Access {
    /// Of one who needs no token.
    pub(crate) fn all() -> Self {
        Self {
            scope: TokenScope::Admin,
            only: None,
        }
    }

    /// Whether a repository exists for it.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(name))
    }

    /// Refuses what only an administrator may do.
    fn admin(&self) -> Result<(), Problem> {
        if self.scope == TokenScope::Admin {
            return Ok(());
        }
        Err(Problem::out_of_scope(
            "this token has the scope `read`; what changes something needs one with `admin`",
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Access {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Put there by the guard, which every request has passed.
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Problem::internal("a request that passed no guard"))
    }
}

/// What one request may do that may change something; others are refused.
pub(crate) struct Admin(pub(crate) Access);

impl Admin {
    /// Refuses what would give a token more than its line says: one that opens some
    /// repositories may bring those up to date, and register no folder as one of them.
    pub(crate) fn may_register(
        &self,
        name: &str,
        path: &Path,
        served: Option<&Path>,
    ) -> Result<(), Problem> {
        if self.0.only.is_none() {
            return Ok(());
        }
        if !self.0.has(name) {
            return Err(Problem::out_of_scope(format!(
                "this token opens some repositories, and {name:?} is none of them"
            )));
        }
        let path = path.canonicalize().ok();
        if path.is_some() && path.as_deref() == served {
            return Ok(());
        }
        Err(Problem::out_of_scope(
            "this token opens some repositories; one that opens all may register folders",
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let access = Access::from_request_parts(parts, state).await?;
        access.admin()?;
        Ok(Self(access))
    }
}

/// All tokens of the service.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// Reads the text of a token file: a token a line, then, where it is not to be all,
    /// its scope (`read`, `admin`) and the names of the repositories that it opens, joined
    /// by commas. Lines that begin with `#` are passed over.
    pub fn parse(text: &str) -> Result<Self, ServeError> {
        let mut tokens: Vec<Token> = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let token = Token::parse(line).map_err(|detail| ServeError::BadToken {
                line: number,
                detail,
            })?;
            if tokens.iter().any(|one| one.hash == token.hash) {
                let detail = "the token stands in an earlier line too".to_owned();
                return Err(ServeError::BadToken {
                    line: number,
                    detail,
                });
            }
            tokens.push(token);
            if tokens.len() > MAX_TOKENS {
                let detail = format!("there are more than {MAX_TOKENS} tokens");
                return Err(ServeError::BadToken {
                    line: number,
                    detail,
                });
            }
        }
        if tokens.is_empty() {
            return Err(ServeError::NoToken);
        }
        Ok(Self(tokens))
    }

    /// Whether there is none: then none is asked for.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a token may do, or `None` when it is not one of these; takes the same time
    /// whichever it is.
    pub(crate) fn access(&self, given: &str) -> Option<Access> {
        let given = blake3::hash(given.as_bytes());
        let mut found = None;
        for token in &self.0 {
            if token.hash == given {
                found = Some(&token.access);
            }
        }
        found.cloned()
    }
}

impl Token {
    fn parse(line: &str) -> Result<Self, String> {
        let mut parts = line.split_whitespace();
        let token = parts.next().unwrap_or_default();
        let chars = token.chars().count();
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("a token has printable characters of ASCII only".to_owned());
        }
        if !(MIN_TOKEN_CHARS..=MAX_TOKEN_CHARS).contains(&chars) {
            return Err(format!(
                "a token has {MIN_TOKEN_CHARS} to {MAX_TOKEN_CHARS} characters; this one has {chars}"
            ));
        }
        let scope = match parts.next() {
            None | Some("admin") => TokenScope::Admin,
            Some("read") => TokenScope::Read,
            Some(other) => {
                return Err(format!(
                    "{other:?} is no scope; write `read` or `admin` behind the token"
                ));
            }
        };
        let only = match parts.next() {
            None | Some("*") => None,
            Some(names) => {
                let names: BTreeSet<String> = names.split(',').map(str::to_owned).collect();
                if let Some(bad) = names.iter().find(|name| !registry::is_name(name)) {
                    return Err(format!("{bad:?} is no name of a repository"));
                }
                Some(Arc::new(names))
            }
        };
        if let Some(more) = parts.next() {
            return Err(format!(
                "{more:?} is too much; a line is TOKEN SCOPE NAME,NAME"
            ));
        }
        Ok(Self {
            hash: blake3::hash(token.as_bytes()),
            access: Access { scope, only },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_token_its_scope_and_its_repositories() {
        let tokens = Tokens::parse(
            "# of the platform team\n0123456789abcdef\n\n  reader-reader-reader read\n\
             shopper-shopper-shopper read shop,web\nkeeper-keeper-keeper admin *\n",
        )
        .expect("tokens");
        let access = |token: &str| tokens.access(token).expect(token);
        assert!(access("0123456789abcdef").admin().is_ok());
        assert!(access("0123456789abcdef").has("anything"));
        assert!(access("reader-reader-reader").admin().is_err());
        assert!(access("keeper-keeper-keeper").has("anything"));
        let shopper = access("shopper-shopper-shopper");
        assert!(shopper.has("shop") && shopper.has("web") && !shopper.has("bank"));
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "#"] {
            assert!(tokens.access(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said() {
        for (text, part) in [
            ("short", "line 1"),
            ("\n\ntoo-short", "line 3"),
            ("0123456789abcdef root", "\"root\" is no scope"),
            ("0123456789abcdef read a/b", "\"a/b\" is no name"),
            ("0123456789abcdef read a b", "\"b\" is too much"),
            ("0123456789abcdef\n0123456789abcdef read", "line 2"),
            ("übermäßig-übermäßig", "ASCII"),
            ("# nothing\n", "no token"),
        ] {
            let error = Tokens::parse(text).expect_err(text).to_string();
            assert!(error.contains(part), "{text:?}: {error}");
        }
        let long = "x".repeat(513);
        assert!(Tokens::parse(&long).is_err());
        assert!(Tokens::parse(&long[1..]).is_ok());
    }
}
