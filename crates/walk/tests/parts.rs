//! A part that is listed again after changes makes, with the rest of the listing
//! before, the listing that a whole walk makes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use wherein_walk::{Follower, Listing, Part, is_rule_file, list, list_followed, list_part};

use crate::sandbox::{Sandbox, options};

/// Follows by a set, as a watcher would by the operating system.
#[derive(Default)]
struct Followed {
    /// Each with whether it is refused.
    folders: RefCell<BTreeMap<String, bool>>,
    part: RefCell<Part>,
}

fn folder_of(path: &str) -> &str {
    &path[..path.rfind('/').map_or(0, |at| at + 1)]
}

impl Followed {
    /// What a watcher hears when something happens to a path.
    fn hear(&self, path: &str) {
        let folder = folder_of(path);
        if !self.folders.borrow().contains_key(folder) {
            return;
        }
        let mut part = self.part.borrow_mut();
        if is_rule_file(&path[folder.len()..]) {
            part.whole.insert(folder.to_owned());
        } else {
            part.direct.insert(folder.to_owned());
        }
        // What was a folder may be another by now, which has to be entered anew.
        let itself = format!("{path}/");
        if self.folders.borrow().contains_key(&itself) {
            for gone in self.below(&itself) {
                self.leave(&gone);
            }
            part.whole.insert(itself);
        }
    }
}

impl Follower for Followed {
    fn enter(&self, folder: &str) {
        self.folders.borrow_mut().insert(folder.to_owned(), false);
    }

    fn refuse(&self, folder: &str) {
        self.folders.borrow_mut().insert(folder.to_owned(), true);
    }

    fn leave(&self, folder: &str) {
        self.folders.borrow_mut().remove(folder);
    }

    fn follows(&self, folder: &str) -> bool {
        self.folders.borrow().get(folder) == Some(&false)
    }

    fn directly_in(&self, folder: &str) -> Vec<String> {
        let mut all = self.below(folder);
        all.retain(|one| one.len() > folder.len());
        all.retain(|one| !one[folder.len()..one.len() - 1].contains('/'));
        all
    }

    fn below(&self, folder: &str) -> Vec<String> {
        let folders = self.folders.borrow();
        let all = folders.keys().filter(|one| one.starts_with(folder));
        all.cloned().collect()
    }
}

fn merged(before: Listing, again: Listing, covered: &Part) -> Listing {
    let Listing {
        mut files,
        mut skips,
    } = before;
    files.retain(|file| !covered.covers(&file.path));
    files.extend(again.files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    skips.retain(|skip| !covered.covers(&skip.path));
    skips.extend(again.skips);
    skips.sort_by(|a, b| (&a.path, a.reason).cmp(&(&b.path, b.reason)));
    Listing { files, skips }
}

const FOLDERS: &[&str] = &["", "a/", "b/", "a/b/", "a/b/c/", "node_modules/", "b/x.d/"];
const NAMES: &[&str] = &["a", "b", "c", "x.c", "y.log", "x.d"];
const RULES: &[&str] = &["*.log\n", "b/\n", "/a\n!b\n", "x.*\n", "\n", "c\n*.d/\n"];

#[derive(Clone, Debug)]
enum Edit {
    Write(usize, usize),
    Remove(usize, usize),
    Rename((usize, usize), (usize, usize)),
    Rule(usize, bool, usize),
    Mark(usize, bool),
    Track(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = || (0..FOLDERS.len(), 0..NAMES.len());
    prop_oneof![
        6 => place().prop_map(|(folder, name)| Edit::Write(folder, name)),
        3 => place().prop_map(|(folder, name)| Edit::Remove(folder, name)),
        3 => (place(), place()).prop_map(|(from, to)| Edit::Rename(from, to)),
        2 => (0..FOLDERS.len(), any::<bool>(), 0..RULES.len())
            .prop_map(|(folder, ours, rule)| Edit::Rule(folder, ours, rule)),
        1 => (0..FOLDERS.len(), any::<bool>()).prop_map(|(folder, is)| Edit::Mark(folder, is)),
        1 => place().prop_map(|(folder, name)| Edit::Track(folder, name)),
    ]
}

/// Writes as a program does that makes the folders it needs, and hears of it.
fn write(root: &Path, followed: &Followed, path: &str, text: &str) {
    let mut at = 0;
    while let Some(slash) = path[at..].find('/') {
        at += slash;
        if !root.join(&path[..at]).exists() {
            fs::create_dir(root.join(&path[..at])).unwrap();
            followed.hear(&path[..at]);
        }
        at += 1;
    }
    if fs::write(root.join(path), text).is_ok() {
        followed.hear(path);
    }
}

fn remove(root: &Path, followed: &Followed, path: &str) {
    let full = root.join(path);
    let removed = if full.is_dir() {
        fs::remove_dir_all(full)
    } else {
        fs::remove_file(full)
    };
    if removed.is_ok() {
        followed.hear(path);
    }
}

fn carry_out(sandbox: &Sandbox, followed: &Followed, edit: &Edit) {
    let root = sandbox.root.as_path();
    let of = |(folder, name): (usize, usize)| format!("{}{}", FOLDERS[folder], NAMES[name]);
    let can_hold = |folder: usize| {
        let folders = Path::new(FOLDERS[folder]).ancestors();
        folders.into_iter().all(|one| !root.join(one).is_file())
    };
    match *edit {
        Edit::Write(folder, name) if can_hold(folder) => {
            write(root, followed, &of((folder, name)), "some text\n");
        }
        Edit::Remove(folder, name) => remove(root, followed, &of((folder, name))),
        Edit::Rename(from, to) => {
            let (from, to) = (of(from), of(to));
            if fs::rename(root.join(&from), root.join(&to)).is_ok() {
                followed.hear(&from);
                followed.hear(&to);
            }
        }
        Edit::Rule(folder, ours, rule) if can_hold(folder) => {
            let name = if ours { ".whereinignore" } else { ".gitignore" };
            write(
                root,
                followed,
                &format!("{}{name}", FOLDERS[folder]),
                RULES[rule],
            );
        }
        Edit::Mark(folder, true) if can_hold(folder) => {
            let tag = "Signature: 8a477f597d28d172789f06886806bc55\n";
            write(
                root,
                followed,
                &format!("{}CACHEDIR.TAG", FOLDERS[folder]),
                tag,
            );
        }
        Edit::Mark(folder, false) => {
            remove(root, followed, &format!("{}CACHEDIR.TAG", FOLDERS[folder]));
        }
        Edit::Track(folder, name) if root.join(of((folder, name))).is_file() => {
            sandbox.run(&["add", "--force", &of((folder, name))]);
            // Git's index is a rule file for all.
            followed.part.borrow_mut().whole.insert(String::new());
        }
        Edit::Write(..) | Edit::Rule(..) | Edit::Mark(..) | Edit::Track(..) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn parts_and_the_rest_make_the_whole(
        before in prop::collection::vec(edit(), 0..16),
        batches in prop::collection::vec(prop::collection::vec(edit(), 1..5), 1..5),
    ) {
        let sandbox = Sandbox::git();
        let unheard = Followed::default();
        for edit in &before {
            carry_out(&sandbox, &unheard, edit);
        }
        let (checkout, options) = (sandbox.checkout(), options());
        let followed = Followed::default();
        let mut listing = list_followed(&checkout, &options, &followed).unwrap();
        prop_assert_eq!(&listing, &list(&checkout, &options).unwrap());
        for batch in &batches {
            for edit in batch {
                carry_out(&sandbox, &followed, edit);
            }
            let mut part = followed.part.take();
            // A listing that nobody could act on is made again, of what it covered.
            if batch.len() % 2 == 0 {
                (_, part) = list_part(&checkout, &options, &part, &followed).unwrap();
            }
            let (again, covered) = list_part(&checkout, &options, &part, &followed).unwrap();
            listing = merged(listing, again, &covered);
            let whole = list(&checkout, &options).unwrap();
            prop_assert_eq!(&listing, &whole, "after {:?} by {:?}", batch, part);
            // What is followed is what a whole walk enters.
            let other = Followed::default();
            list_followed(&checkout, &options, &other).unwrap();
            prop_assert_eq!(&*followed.folders.borrow(), &*other.folders.borrow());
        }
    }
}
