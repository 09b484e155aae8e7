//! One answer from one repository, or from several as if they were one.

use std::sync::Arc;
use std::time::Instant;

use wherein_core::{IndexState, Query, SearchAnswer};
use wherein_index::{IndexError, Joint, JointError, Member, Repository, SearchOptions};

use crate::job::Wish;
use crate::problem::Problem;
use crate::served::Served;
use crate::state::AppState;

/// Which repositories to ask.
pub(crate) struct Scope {
    pub(crate) repositories: Vec<Arc<Served>>,
    /// Whether they were named; else those that cannot answer are left out.
    pub(crate) is_named: bool,
}

impl Scope {
    /// One that was named.
    pub(crate) fn one(served: &Arc<Served>) -> Self {
        Self {
            repositories: vec![Arc::clone(served)],
            is_named: true,
        }
    }
}

/// Searches; blocks. Starts a look where the last one is old.
pub(crate) fn search(
    state: &AppState,
    scope: &Scope,
    query: &Query,
    options: &SearchOptions,
) -> Result<SearchAnswer, Problem> {
    let question = |members: &[Member<'_>]| wherein_index::search(members, query, options);
    let mut answer = ask(state, scope, question, |answer| &mut answer.index)?;
    if let Some(exact) = &mut answer.exact {
        exact.complete &= answer.index.fresh;
    }
    Ok(answer)
}

/// One answer of one repository; blocks. What has just been written is brought in first.
pub(crate) fn answer<A>(
    state: &AppState,
    served: &Arc<Served>,
    question: impl Fn(&Repository) -> Result<A, IndexError>,
    index_of: impl Fn(&mut A) -> &mut IndexState,
) -> Result<A, Problem> {
    let alone = |members: &[Member<'_>]| {
        let mut answer = question(members[0].repository)?;
        let states = vec![index_of(&mut answer).clone()];
        Ok(Joint {
            answer,
            states,
            stages: Vec::new(),
        })
    };
    ask(state, &Scope::one(served), alone, &index_of)
}

/// One answer of all that are asked; blocks. What has just been written is brought in
/// first, and a look is started where the last one is old.
pub(crate) fn ask<A>(
    state: &AppState,
    scope: &Scope,
    question: impl Fn(&[Member<'_>]) -> Result<Joint<A>, JointError>,
    index_of: impl Fn(&mut A) -> &mut IndexState,
) -> Result<A, Problem> {
    let began = Instant::now();
    if let Some(refresher) = state.refresher() {
        refresher.bring_in(&scope.repositories);
    }
    state.metrics().stage("bring_in", began.elapsed());
    let mut asked: Vec<(&Arc<Served>, Member<'_>)> = Vec::new();
    let mut first_problem = None;
    for served in &scope.repositories {
        match ready(state, served) {
            Ok(repository) => {
                let name = Some(served.name.as_str());
                asked.push((served, Member { repository, name }));
            }
            Err(problem) if scope.is_named => return Err(problem),
            Err(problem) => {
                first_problem.get_or_insert(problem);
            }
        }
    }
    let result = loop {
        let failed = match question(&members(&asked)) {
            Ok(joint) => break Ok(joint),
            // What is wrong is the question.
            Err(failed) if failed.member.is_none() && failed.error.is_bad_request() => {
                break Err(failed.error);
            }
            Err(failed) => failed,
        };
        // Where it is not told which of them cannot answer, each is asked alone.
        let own = || {
            let mut alone = asked.iter().enumerate();
            alone.find_map(|(at, one)| Some((at, question(&[one.1]).err()?.error)))
        };
        let found = match failed.member {
            Some(at) => (at, failed.error),
            None if asked.len() == 1 => (0, failed.error),
            None => match own() {
                Some(found) => found,
                None => break Err(failed.error),
            },
        };
        let (at, error) = found;
        let is_its_own = error.is_mended_by_rebuild() || error.is_of_repository();
        let (served, _) = asked.remove(at);
        let problem = self::failed(state, served, error);
        if scope.is_named || !is_its_own {
            return Err(problem);
        }
        first_problem.get_or_insert(problem);
        if asked.is_empty() {
            break Err(IndexError::NotIndexed {
                root: served.root.clone(),
            });
        }
    };
    if asked.is_empty() {
        return Err(first_problem.unwrap_or_else(nothing_registered));
    }
    let Joint {
        mut answer,
        states,
        stages,
    } = result.map_err(Problem::from)?;
    for (stage, took) in stages {
        state.metrics().stage(stage, took);
    }
    let mut is_fresh = first_problem.is_none();
    for ((served, _), index) in asked.iter().zip(&states) {
        is_fresh &= index.fresh && served.is_seen_within(state.fresh_age());
        state.refresh(served);
    }
    index_of(&mut answer).fresh &= is_fresh;
    Ok(answer)
}

fn members<'r>(asked: &[(&Arc<Served>, Member<'r>)]) -> Vec<Member<'r>> {
    asked.iter().map(|one| one.1).collect()
}

fn nothing_registered() -> Problem {
    Problem::not_indexed(
        "no repository is registered; PUT /v1/repos/{name} with {\"path\": \"/its/folder\"}",
    )
}

/// The repository, when it is open and has an index.
fn ready<'s>(state: &AppState, served: &'s Arc<Served>) -> Result<&'s Repository, Problem> {
    let name = &served.name;
    let repository = served.repository().map_err(|error| {
        tracing::warn!(%error, repo = name, "a repository cannot be opened");
        let detail = format!("repository {name:?} cannot be opened: {error}");
        Problem::unavailable(detail).retry_after(5)
    })?;
    if repository.is_indexed() {
        Ok(repository)
    } else {
        Err(not_indexed(state, served))
    }
}

/// Why one repository gives no answer; a damaged index is built anew.
fn failed(state: &AppState, served: &Arc<Served>, error: IndexError) -> Problem {
    if !error.is_mended_by_rebuild() {
        return Problem::from(error);
    }
    let name = &served.name;
    tracing::error!(%error, repo = name, "a damaged index is built anew");
    let mut problem = Problem::unavailable(format!(
        "the index of {name:?} is damaged and is built anew"
    ));
    if let Ok(job) = state.ask(served, Wish::Asked { full: true }) {
        problem = problem.job(&job.view_id());
    }
    problem.retry_after(1)
}

/// Says which job makes the index, and starts one unless one has just failed.
fn not_indexed(state: &AppState, served: &Arc<Served>) -> Problem {
    let name = &served.name;
    match state.refresh(served) {
        Some(job) => Problem::unavailable(format!(
            "repository {name:?} is being indexed; ask again in a moment"
        ))
        .job(&job.view_id())
        .retry_after(1),
        None => Problem::not_indexed(format!(
            "repository {name:?} is not indexed and its last job has not changed that; POST /v1/repos/{name}/index starts another"
        )),
    }
}
