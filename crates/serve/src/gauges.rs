//! How things stand when `/metrics` is asked for: repositories, queue, memory.

use std::fmt::Write;
use std::sync::Arc;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::access::Access;
use crate::process;
use crate::served::Served;
use crate::state::AppState;

type OfRepository = Family<[(&'static str, String); 1], Gauge>;

/// One gauge with a value for each repository.
struct Gauges<'a> {
    registry: &'a mut Registry,
}

impl Gauges<'_> {
    fn one(&mut self, name: &str, help: &str, value: u64) {
        let gauge = <Gauge>::default();
        gauge.set(value as i64);
        self.registry.register(name, help, gauge);
    }

    fn of_repositories(&mut self, name: &str, help: &str) -> OfRepository {
        let family = OfRepository::default();
        self.registry.register(name, help, family.clone());
        family
    }
}

/// Writes how things stand; looks at what is open and reads no index.
pub(crate) fn write(state: &AppState, access: &Access, text: &mut String) -> std::fmt::Result {
    let mut registry = Registry::with_prefix("wherein");
    let version = vec![("version", env!("CARGO_PKG_VERSION"))];
    registry.register("build", "The program", Info::new(version));
    let mut gauges = Gauges {
        registry: &mut registry,
    };
    let (running, waiting) = state.gate().counts();
    gauges.one("requests_running", "Requests at an index", running as u64);
    gauges.one(
        "requests_waiting",
        "Requests that wait for their turn",
        waiting as u64,
    );
    let (running, waiting) = state.jobs().counts();
    gauges.one("jobs_running", "Index jobs that run", running as u64);
    gauges.one("jobs_waiting", "Index jobs that wait", waiting as u64);
    gauges.one(
        "job_followers",
        "Open streams of job events",
        state.follower_count() as u64,
    );
    repositories(&mut gauges, state, &state.all_for(access));
    encode_registry(text, &registry)?;
    let mut registry = Registry::with_prefix("process");
    let now = process::Usage::now();
    let mut bytes = |name: &str, help: &str, value: u64| {
        let gauge = <Gauge>::default();
        gauge.set(value as i64);
        registry.register_with_unit(name, help, Unit::Bytes, gauge);
    };
    bytes("resident_memory", "Memory in use", now.resident_bytes);
    bytes(
        "private_memory",
        "Memory in use that no file lies behind",
        now.private_bytes,
    );
    encode_registry(text, &registry)?;
    // A counter that is set has no place in the library.
    writeln!(
        text,
        "# HELP process_cpu_seconds Processor time.\n# TYPE process_cpu_seconds counter\n\
         # UNIT process_cpu_seconds seconds\nprocess_cpu_seconds_total {}",
        now.cpu_seconds
    )?;
    prometheus_client::encoding::text::encode_eof(text)
}

fn repositories(gauges: &mut Gauges<'_>, state: &AppState, all: &[Arc<Served>]) {
    gauges.one("repositories", "Registered repositories", all.len() as u64);
    let open = gauges.of_repositories("repository_open", "Whether its index is open");
    let files = gauges.of_repositories("repository_files", "Files in its index");
    let chunks = gauges.of_repositories("repository_chunks", "Chunks in its index");
    let bytes = gauges.of_repositories("repository_index_bytes", "Its index on disk");
    let generation = gauges.of_repositories("repository_generation", "Commits of its index");
    let fresh = gauges.of_repositories(
        "repository_fresh",
        "Whether every file is known to be as indexed",
    );
    let pending = gauges.of_repositories(
        "repository_pending_files",
        "Files known to differ from its index",
    );
    let indexed_at = gauges.of_repositories(
        "repository_indexed_timestamp_seconds",
        "When it was last brought up to date",
    );
    for served in all {
        let label = [("repo", served.name.clone())];
        let set = |family: &OfRepository, value: u64| {
            family.get_or_create(&label).set(value as i64);
        };
        let opened = served.opened();
        let view = opened.and_then(|one| {
            one.with_view(|current, view| {
                (
                    view.files.len(),
                    current.rows.count(),
                    current.snapshot.generation(),
                    view.indexed_at_s,
                    view.complete,
                )
            })
        });
        set(&open, u64::from(view.is_some()));
        let (Some(opened), Some((of_files, of_chunks, number, at, is_whole))) = (opened, view)
        else {
            continue;
        };
        set(&files, of_files as u64);
        set(&chunks, of_chunks as u64);
        set(&bytes, opened.index_bytes());
        set(&generation, number);
        let is_seen = served.is_seen_within(state.fresh_age());
        set(&fresh, u64::from(opened.is_fresh() && is_seen && is_whole));
        set(&pending, opened.pending_files());
        set(&indexed_at, at);
    }
}
