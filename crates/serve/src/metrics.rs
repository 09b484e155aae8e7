//! What is counted as the service works, for `/metrics`. What can be looked up when it is
//! asked for (repositories, queue, memory) stands in `gauges`.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// A request that was answered.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    /// As it is written in the description, so that there are few.
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfRoute {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfStage {
    stage: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfProblem {
    problem: String,
}

type Seconds<Labels> = Family<Labels, Histogram, fn() -> Histogram>;

/// From .1 ms to 3.3 s, each bucket twice the one before.
fn short_times() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 2.0, 16))
}

/// From 1 ms to half an hour.
fn long_times() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 4.0, 11))
}

/// All that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    request_seconds: Seconds<OfRoute>,
    stage_seconds: Seconds<OfStage>,
    problems: Family<OfProblem, Counter>,
    jobs: Family<OfState, Counter>,
    job_seconds: Histogram,
    connections: Gauge<i64, AtomicI64>,
    dropped: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("wherein");
        let requests = Family::default();
        let request_seconds: Seconds<OfRoute> = Family::new_with_constructor(short_times);
        let stage_seconds: Seconds<OfStage> = Family::new_with_constructor(short_times);
        let problems = Family::default();
        let jobs = Family::default();
        let job_seconds = long_times();
        let connections = Gauge::default();
        let dropped = Counter::default();
        registry.register("requests", "Requests answered", requests.clone());
        let mut seconds = |name: &str, help: &str, family: Seconds<OfRoute>| {
            registry.register_with_unit(name, help, Unit::Seconds, family);
        };
        seconds(
            "request_duration",
            "Time from a request's head to its answer",
            request_seconds.clone(),
        );
        registry.register_with_unit(
            "stage_duration",
            "Time of each stage of a search: queue, bring_in, filter, embed, candidates, rank, \
             condense, verify, show, write",
            Unit::Seconds,
            stage_seconds.clone(),
        );
        registry.register("problems", "Problem documents answered", problems.clone());
        registry.register("jobs", "Index jobs that ended", jobs.clone());
        registry.register_with_unit(
            "job_duration",
            "Time of index jobs",
            Unit::Seconds,
            job_seconds.clone(),
        );
        registry.register("connections", "Open connections", connections.clone());
        registry.register(
            "connections_dropped",
            "Connections ended because their client was too slow, or there were too many",
            dropped.clone(),
        );
        Self {
            registry,
            requests,
            request_seconds,
            stage_seconds,
            problems,
            jobs,
            job_seconds,
            connections,
            dropped,
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Whatever else is sent as a method is not to make counters of its own.
        let method = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]
            .into_iter()
            .find(|known| *known == method)
            .unwrap_or("other");
        let answered = Answered {
            method,
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&answered).inc();
        let route = OfRoute {
            route: answered.route,
        };
        self.request_seconds
            .get_or_create(&route)
            .observe(took.as_secs_f64());
    }

    /// A stage of a search took so long.
    pub(crate) fn stage(&self, stage: &'static str, took: Duration) {
        self.stage_seconds
            .get_or_create(&OfStage { stage })
            .observe(took.as_secs_f64());
    }

    /// A problem document was answered.
    pub(crate) fn problem(&self, kind: &str) {
        let problem = kind.rsplit(':').next().unwrap_or(kind).to_owned();
        self.problems.get_or_create(&OfProblem { problem }).inc();
    }

    /// An index job has ended.
    pub(crate) fn job(&self, state: &'static str, took: Duration) {
        self.jobs.get_or_create(&OfState { state }).inc();
        self.job_seconds.observe(took.as_secs_f64());
    }

    /// A connection was opened, until the answer is dropped.
    pub(crate) fn connection(&self) -> Open {
        self.connections.inc();
        Open(self.connections.clone())
    }

    /// A connection was ended by us.
    pub(crate) fn dropped(&self) {
        self.dropped.inc();
    }

    /// All of it in the text format.
    pub(crate) fn write(&self, text: &mut String) -> std::fmt::Result {
        prometheus_client::encoding::text::encode_registry(text, &self.registry)
    }
}

/// An open connection.
pub(crate) struct Open(Gauge<i64, AtomicI64>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.inner().fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_written() {
        let metrics = Metrics::new();
        metrics.answered("POST", "/v1/search", 200, Duration::from_millis(3));
        metrics.answered("BREW", "/v1/search", 405, Duration::from_millis(1));
        metrics.stage("rank", Duration::from_micros(500));
        metrics.problem("urn:wherein:problem:overloaded");
        metrics.job("done", Duration::from_secs(2));
        let open = metrics.connection();
        let mut text = String::new();
        metrics.write(&mut text).expect("is written");
        for line in [
            "wherein_requests_total{method=\"POST\",route=\"/v1/search\",status=\"200\"} 1",
            "wherein_requests_total{method=\"other\",route=\"/v1/search\",status=\"405\"} 1",
            "wherein_request_duration_seconds_count{route=\"/v1/search\"} 2",
            "wherein_stage_duration_seconds_bucket{le=\"0.0004\",stage=\"rank\"} 0",
            "wherein_problems_total{problem=\"overloaded\"} 1",
            "wherein_jobs_total{state=\"done\"} 1",
            "wherein_connections 1",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        drop(open);
        let mut text = String::new();
        metrics.write(&mut text).expect("is written");
        assert!(text.contains("wherein_connections 0"), "{text}");
    }
}
