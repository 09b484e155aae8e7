//! Parts of a request, taken strictly: JSON bodies, names and ids in paths.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;

use crate::problem::Problem;
use crate::registry;

/// A JSON object and nothing else: a derived `Deserialize` would also take an
/// array of the fields in their order.
#[derive(Default)]
pub(crate) struct Object<T>(pub(crate) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Fields(std::marker::PhantomData))
    }
}

/// A whole number, written with or without a fraction of zero.
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    /// Beyond it not every whole number has a float of its own.
    const MAX: f64 = 9_007_199_254_740_992.0;
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let exact = number
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    let written = number
        .as_f64()
        .filter(|number| number.fract() == 0.0 && (0.0..=MAX).contains(number));
    exact
        .or_else(|| written.map(|number| number as usize))
        .map(Some)
        .ok_or_else(|| serde::de::Error::custom(format!("{number} is not a number of things")))
}

/// An object of JSON as the body.
pub(crate) struct JsonBody<T>(pub(crate) T);

/// An object of JSON as the body, or none, or null.
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

/// The `{name}` of a repository.
pub(crate) struct RepoName(pub(crate) String);

/// The `{id}` of a job.
pub(crate) struct JobId(pub(crate) String);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (headers, bytes) = take(request, state).await?;
        let Object(body) = parse(&headers, &bytes)?;
        Ok(Self(body))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let (headers, bytes) = take(request, state).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        let body: Option<Object<T>> = parse(&headers, &bytes)?;
        Ok(Self(body.unwrap_or_default().0))
    }
}

async fn take<S: Send + Sync>(
    mut request: Request,
    state: &S,
) -> Result<(HeaderMap, Bytes), Problem> {
    let headers = std::mem::take(request.headers_mut());
    let bytes = Bytes::from_request(request, state)
        .await
        .map_err(|error| Problem::bad_request(error.body_text()))?;
    Ok((headers, bytes))
}

fn parse<T: DeserializeOwned>(headers: &HeaderMap, bytes: &[u8]) -> Result<T, Problem> {
    // A small body unpacks to a huge one; no request is so long that it must be packed.
    if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(
            Problem::unsupported_type("send the body as it is, without Content-Encoding").header(
                header::ACCEPT_ENCODING,
                HeaderValue::from_static("identity"),
            ),
        );
    }
    if !is_json(headers) {
        return Err(Problem::unsupported_type(
            "send JSON with the header `Content-Type: application/json`",
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Problem::bad_body(error.to_string()),
        Category::Syntax | Category::Eof | Category::Io => Problem::bad_json(error.to_string()),
    })
}

fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let media_type = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

impl<S: Send + Sync> FromRequestParts<S> for RepoName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = segment(parts, state).await?;
        if registry::is_name(&name) {
            return Ok(Self(name));
        }
        Err(Problem::bad_name(
            "a name has 1 to 64 of A-Z a-z 0-9 . _ - and is not . or ..",
        ))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for JobId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        segment(parts, state).await.map(Self)
    }
}

async fn segment<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<String, Problem> {
    Path::<String>::from_request_parts(parts, state)
        .await
        .map(|Path(segment)| segment)
        .map_err(|error| Problem::bad_request(error.body_text()))
}
