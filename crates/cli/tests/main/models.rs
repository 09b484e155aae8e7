//! Models that cannot be loaded.

use wherein_core::Query;
use wherein_index::{IndexError, IndexOptions, Location, Progress, Repository, Settings};

use crate::program::Scratch;

#[test]
fn without_its_model_words_answer_and_no_vector_is_lost() {
    let scratch = Scratch::with(&[
        (
            "door.py",
            "def open_the_door(badge):\n    return badge.known\n",
        ),
        (
            "window.py",
            "def open_the_window(hand):\n    return hand.free\n",
        ),
    ]);
    scratch.json(&["index"]);
    let before = scratch.json(&["open the door"]);
    scratch.write(
        "window.py",
        "def shut_the_window(hand):\n    return hand.free\n",
    );
    let location = Location::find(&scratch.home(), Some(&scratch.repository())).expect("a place");
    let settings = Settings::load(None).expect("settings");
    let none = || Err(IndexError::Stage("no model".to_owned()));
    let (repository, opened) = Repository::open_looking(location, settings, none);
    opened.expect("the index is sound");
    assert!(repository.model_error().is_some());
    let options = IndexOptions {
        full: false,
        wait: std::time::Duration::ZERO,
    };
    repository
        .index(options, &Progress::default())
        .expect("nothing to do");
    let answer = repository
        .search(&Query::new("open the door", 10).expect("a query"))
        .expect("an answer");
    assert_eq!(answer.hits[0].path, "door.py");
    assert!(
        answer.hits.iter().all(|hit| hit.path != "window.py"),
        "it is stale"
    );
    assert_eq!(
        (answer.index.pending_files, answer.index.vector_coverage),
        (1, 0.0)
    );
    assert_eq!(before["index"]["generation"], answer.index.generation);
    let after = scratch.json(&["index"]);
    assert_eq!(
        (&after["files_indexed"], &after["files_unchanged"]),
        (&1.into(), &1.into())
    );
}
