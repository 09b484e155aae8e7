//! The watcher over real folders and real events.

use std::sync::atomic::AtomicUsize;

use notify::event::Flag;
use wherein_walk::{Options, list_followed};

use super::*;
use crate::Changes;

struct Scene {
    folder: TempDir,
    watcher: Watcher,
    followed: Followed,
    calls: Arc<AtomicUsize>,
}

impl Scene {
    fn new(files: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("created");
            fs::write(path, "text\n").expect("written");
        }
        let watcher = Watcher::new().expect("a watcher");
        let checkout = Checkout::at(folder.path()).expect("a checkout");
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let followed = watcher.follow(&checkout, move || {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        let followed = followed.expect("followed");
        assert_eq!(followed.take(), Changes::Everything);
        list_followed(&checkout, &Options::default(), &followed).expect("listed");
        followed.done();
        Self {
            folder,
            watcher,
            followed,
            calls,
        }
    }

    fn write(&self, path: &str) {
        fs::write(self.folder.path().join(path), "other text\n").expect("written");
    }

    fn changes(&self) -> Changes {
        self.followed.catch_up();
        let changes = self.followed.take();
        self.followed.done();
        changes
    }
}

fn direct(changes: Changes) -> Vec<String> {
    match changes {
        Changes::Part(part) if part.whole.is_empty() => part.direct.into_iter().collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn folders_are_told_in_which_something_changed() {
    let scene = Scene::new(&["a.rs", "src/b.rs", "src/deep/c.rs", "node_modules/d.js"]);
    assert_eq!(scene.changes(), Changes::Nothing);
    assert!(scene.followed.is_unchanged());
    scene.write("src/deep/c.rs");
    assert_eq!(direct(scene.changes()), ["src/deep/"]);
    scene.write("src/new.rs");
    scene.write("a.rs");
    assert_eq!(direct(scene.changes()), ["", "src/"]);
    // What the walk does not enter is not watched.
    scene.write("node_modules/d.js");
    assert_eq!(scene.changes(), Changes::Nothing);
    // Reading is no change.
    fs::read(scene.folder.path().join("a.rs")).expect("read");
    assert_eq!(scene.changes(), Changes::Nothing);
    fs::remove_file(scene.folder.path().join("a.rs")).expect("removed");
    assert_eq!(direct(scene.changes()), [""]);
    scene.write(".gitignore");
    match scene.changes() {
        Changes::Part(part) => assert!(part.whole.contains("")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn it_is_told_once_until_it_is_taken() {
    let scene = Scene::new(&["a.rs"]);
    let before = scene.calls.load(Ordering::SeqCst);
    scene.write("a.rs");
    scene.write("b.rs");
    scene.followed.catch_up();
    assert_eq!(scene.calls.load(Ordering::SeqCst), before + 1);
    assert_eq!(scene.followed.changed_paths(), 2);
    let taken = scene.followed.take();
    // Until it is acted on.
    assert_eq!(scene.followed.changed_paths(), 2);
    assert!(!scene.followed.is_unchanged());
    scene.followed.done();
    assert_eq!(scene.followed.changed_paths(), 0);
    assert!(scene.followed.is_unchanged());
    scene.write("b.rs");
    scene.followed.catch_up();
    assert_eq!(scene.calls.load(Ordering::SeqCst), before + 2);
    // What was given back is taken again.
    assert_ne!(taken, Changes::Nothing);
    scene.followed.give_back(Changes::Everything);
    assert_eq!(scene.changes(), Changes::Everything);
}

#[test]
fn lost_events_make_everything_be_looked_at() {
    let scene = Scene::new(&["a.rs"]);
    let lost = notify::Event::new(EventKind::Other).set_flag(Flag::Rescan);
    scene.watcher.0.ear.hear(Ok(lost));
    assert!(!scene.followed.is_unchanged());
    assert_eq!(scene.changes(), Changes::Everything);
    let failed = notify::Error::generic("the disk has gone");
    scene.watcher.0.ear.hear(Err(failed));
    assert_eq!(scene.changes(), Changes::Everything);
    assert_eq!(scene.changes(), Changes::Nothing);
}

/// The real thing: more events than the kernel keeps while nobody reads them.
#[cfg(target_os = "linux")]
#[test]
fn an_overflow_of_the_queue_is_noticed() {
    let kept = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events");
    let kept: usize = kept.expect("a limit").trim().parse().expect("a number");
    if kept > 100_000 {
        return;
    }
    let scene = Scene::new(&["a.rs", "b.rs"]);
    {
        // The backend's thread waits for it.
        let _held = locked(&scene.watcher.0.ear.interests);
        for _ in 0..=kept / 2 {
            // Two of the same that follow each other would be one.
            scene.write("a.rs");
            scene.write("b.rs");
        }
    }
    assert_eq!(scene.changes(), Changes::Everything);
    scene.write("a.rs");
    assert_eq!(direct(scene.changes()), [""]);
}

#[test]
fn two_that_follow_the_same_are_both_told() {
    let scene = Scene::new(&["src/a.rs"]);
    let checkout = Checkout::at(scene.folder.path()).expect("a checkout");
    let inner = Checkout::at(&scene.folder.path().join("src")).expect("a checkout");
    for (checkout, folder) in [(checkout, "src/"), (inner, "")] {
        let other = scene.watcher.follow(&checkout, || ()).expect("followed");
        other.take();
        list_followed(&checkout, &Options::default(), &other).expect("listed");
        scene.write("src/a.rs");
        scene.followed.catch_up();
        assert_eq!(direct(other.take()), [folder]);
        assert_eq!(direct(scene.followed.take()), ["src/"]);
        drop(other);
        scene.write("src/a.rs");
        assert_eq!(direct(scene.changes()), ["src/"]);
    }
}
