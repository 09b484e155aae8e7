//! The load generator: many keep-alive connections that ask `/v1/search`, and what they
//! were answered. Closed (each client asks again when it was answered) or open (requests
//! leave at a rate, whatever becomes of those before).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::measure::percentile;

/// The bodies of searches, and what each was answered when nothing else was asked.
pub(crate) struct Questions {
    pub(crate) bodies: Vec<Bytes>,
    pub(crate) answers: Vec<u64>,
}

/// What one run of the generator saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Time of each answer with status 200, in milliseconds.
    pub(crate) times: Vec<f64>,
    pub(crate) statuses: BTreeMap<u16, u64>,
    /// Answers that differ from those of a quiet run.
    pub(crate) wrong: u64,
    /// Refusals without `Retry-After`, or that are no problem document.
    pub(crate) unexplained: u64,
    /// Connections that ended without an answer.
    pub(crate) broken: u64,
    pub(crate) seconds: f64,
}

impl Seen {
    /// Takes in what a run after this one saw.
    pub(crate) fn join(&mut self, later: Self) {
        self.seconds += later.seconds;
        self.add(later);
    }

    fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.wrong += other.wrong;
        self.unexplained += other.unexplained;
        self.broken += other.broken;
    }

    pub(crate) fn a_second(&self) -> f64 {
        self.times.len() as f64 / self.seconds
    }

    pub(crate) fn percentile(&self, share: f64) -> f64 {
        percentile(&self.times, share)
    }
}

/// One connection.
pub(crate) struct Connection {
    address: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            address: address.to_owned(),
            sender,
        })
    }

    /// Status, whether it says when to ask again, and the body.
    pub(crate) async fn ask(&mut self, body: &Bytes) -> Result<(u16, bool, Bytes)> {
        let request = Request::post("/v1/search")
            .header(header::HOST, &self.address)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body.clone()))?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status().as_u16();
        let headers = response.headers();
        let is_problem = headers
            .get(header::CONTENT_TYPE)
            .map(hyper::http::HeaderValue::as_bytes)
            == Some(b"application/problem+json");
        let is_explained = is_problem && headers.contains_key(header::RETRY_AFTER);
        let body = response.into_body().collect().await?.to_bytes();
        Ok((status, is_explained, body))
    }
}

/// An answer but for the time that it took.
pub(crate) fn fingerprint(answer: &[u8]) -> Result<u64> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut answer: Value = serde_json::from_slice(answer).context("an answer is no JSON")?;
    answer
        .as_object_mut()
        .map(|fields| fields.remove("took_ms"));
    let mut hasher = DefaultHasher::new();
    answer.to_string().hash(&mut hasher);
    Ok(hasher.finish())
}

/// How requests leave.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// As soon as the one before was answered.
    Closed,
    /// So many a second, all clients together; a client that is late asks at once, and
    /// its time counts from when it should have asked.
    Open(f64),
}

/// Asks for a time with so many clients.
pub(crate) async fn run(
    address: &str,
    questions: &Arc<Questions>,
    clients: usize,
    pace: Pace,
    time: Duration,
) -> Result<Seen> {
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let mut all = Vec::new();
    for _ in 0..clients {
        let (address, questions, next) =
            (address.to_owned(), Arc::clone(questions), Arc::clone(&next));
        all.push(tokio::spawn(async move {
            client(&address, &questions, &next, pace, began, time).await
        }));
    }
    let mut seen = Seen::default();
    for one in all {
        seen.add(one.await?);
    }
    seen.seconds = began.elapsed().as_secs_f64();
    Ok(seen)
}

async fn client(
    address: &str,
    questions: &Questions,
    next: &AtomicUsize,
    pace: Pace,
    began: Instant,
    time: Duration,
) -> Seen {
    let mut seen = Seen::default();
    let mut connection = None;
    while began.elapsed() < time {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let start = match pace {
            Pace::Closed => Instant::now(),
            Pace::Open(rate) => {
                let due = began + Duration::from_secs_f64(number as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                due
            }
        };
        let at = number % questions.bodies.len();
        if connection.is_none() {
            connection = Connection::open(address).await.ok();
        }
        let Some(open) = &mut connection else {
            seen.broken += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok((status, is_explained, body)) = open.ask(&questions.bodies[at]).await else {
            seen.broken += 1;
            connection = None;
            continue;
        };
        *seen.statuses.entry(status).or_default() += 1;
        if status == 200 {
            seen.times.push(start.elapsed().as_secs_f64() * 1000.0);
            let is_right = fingerprint(&body).is_ok_and(|one| one == questions.answers[at]);
            seen.wrong += u64::from(!is_right);
        } else {
            seen.unexplained += u64::from(!is_explained);
        }
    }
    seen
}
