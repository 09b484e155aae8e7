//! Files that differ from a revision of git, compared with git itself.

use std::fs;
use std::time::{Duration, SystemTime};

use wherein_walk::{Checkout, WalkError, changed_since, list};

use crate::sandbox::{Sandbox, options};

fn changed_in(checkout: &Checkout, revision: &str) -> Result<Vec<String>, WalkError> {
    let listing = list(checkout, &options()).unwrap();
    let files: Vec<&str> = listing.files.iter().map(|file| &*file.path).collect();
    changed_since(checkout, revision, &files, &options())
}

fn changed(sandbox: &Sandbox, revision: &str) -> Vec<String> {
    changed_in(&sandbox.checkout(), revision).unwrap()
}

/// What git says, with its own index refreshed.
fn by_git(sandbox: &Sandbox, revision: &str) -> Vec<String> {
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let mut all = lines(sandbox.run(&["diff", "--name-only", "--diff-filter=d", revision]));
    all.extend(lines(sandbox.run(&[
        "ls-files",
        "--others",
        "--exclude-standard",
    ])));
    all.sort();
    all
}

fn committed() -> Sandbox {
    let sandbox = Sandbox::git();
    sandbox.fill(&["a.rs", "b.rs", "src/c.rs", "src/deep/d.rs", "gone.rs"]);
    sandbox.run(&["add", "."]);
    sandbox.commit();
    sandbox
}

#[test]
fn nothing_has_changed_after_a_commit() {
    let sandbox = committed();
    assert!(changed(&sandbox, "HEAD").is_empty());
    // Neither when the index cannot prove anything.
    fs::remove_file(sandbox.root.join(".git/index")).unwrap();
    assert!(changed(&sandbox, "HEAD").is_empty());
}

#[test]
fn every_way_to_change_is_seen_as_git_sees_it() {
    let sandbox = committed();
    sandbox.write("a.rs", "edit\n"); // as long as before, within the same second
    sandbox.write("new.rs", "new\n");
    sandbox.write("src/staged.rs", "new\n");
    sandbox.write("src/c.rs", "staged edit\n");
    sandbox.run(&["add", "src"]);
    fs::remove_file(sandbox.root.join("gone.rs")).unwrap();
    sandbox.run(&["mv", "b.rs", "moved.rs"]);
    assert_eq!(changed(&sandbox, "HEAD"), by_git(&sandbox, "HEAD"));
    assert_eq!(
        changed(&sandbox, "HEAD"),
        ["a.rs", "moved.rs", "new.rs", "src/c.rs", "src/staged.rs"]
    );
    // Edited and staged, then put back as it was: only the index differs.
    sandbox.write("src/c.rs", "text\n");
    assert!(!changed(&sandbox, "HEAD").contains(&"src/c.rs".to_owned()));
    // A touched file is not an edited one.
    let file = fs::File::options()
        .write(true)
        .open(sandbox.root.join("src/deep/d.rs"))
        .unwrap();
    file.set_modified(SystemTime::now() - Duration::from_hours(30))
        .unwrap();
    assert!(!changed(&sandbox, "HEAD").contains(&"src/deep/d.rs".to_owned()));
}

#[test]
fn revisions_are_named_as_git_names_them() {
    let sandbox = committed();
    sandbox.run(&["tag", "v1"]);
    sandbox.run(&["tag", "--annotate", "--message=x", "v1-annotated"]);
    sandbox.write("a.rs", "second\n");
    sandbox.run(&["commit", "--quiet", "--all", "--message=second commit"]);
    sandbox.write("src/c.rs", "third\n");
    sandbox.run(&["commit", "--quiet", "--all", "--message=third"]);
    sandbox.run(&["gc", "--quiet"]);
    let first = sandbox.run(&["rev-parse", "v1"]);
    for revision in [
        "HEAD~2",
        "v1",
        "v1-annotated",
        "main^^",
        "HEAD~2^{tree}",
        first.trim(),
        &first[..12],
    ] {
        assert_eq!(
            changed(&sandbox, revision),
            ["a.rs", "src/c.rs"],
            "{revision}"
        );
    }
    assert_eq!(changed(&sandbox, "HEAD^"), ["src/c.rs"]);
    assert!(changed(&sandbox, "main").is_empty());
    for unknown in [
        "nowhere",
        "HEAD~9",
        "--upload-pack=touch x",
        "HEAD..main",
        "HEAD^!",
        "HEAD:a.rs",
        "HEAD:src",
    ] {
        let error = changed_in(&sandbox.checkout(), unknown).unwrap_err();
        assert!(matches!(error, WalkError::NoRevision { .. }), "{error}");
        assert!(error.is_bad_request());
        assert!(error.to_string().contains(unknown), "{error}");
    }
}

#[test]
fn folders_worktrees_and_young_repositories() {
    let sandbox = committed();
    sandbox.write("src/deep/d.rs", "other\n");
    sandbox.write("a.rs", "other\n");
    let inside = Checkout::at(&sandbox.root.join("src")).unwrap();
    assert_eq!(changed_in(&inside, "HEAD").unwrap(), ["deep/d.rs"]);

    let side = sandbox.root.with_file_name("side");
    let side_text = side.to_string_lossy().into_owned();
    sandbox.run(&["worktree", "add", "--quiet", "-b", "side", &side_text]);
    fs::write(side.join("b.rs"), "of the side\n").unwrap();
    let side = Checkout::at(&side).unwrap();
    assert_eq!(changed_in(&side, "HEAD").unwrap(), ["b.rs"]);
    assert_eq!(changed_in(&side, "main").unwrap(), ["b.rs"]);

    let young = Sandbox::git();
    young.fill(&["a.rs"]);
    assert_eq!(changed(&young, "HEAD"), ["a.rs"]);
    let error = changed_in(&young.checkout(), "main").unwrap_err();
    assert!(matches!(error, WalkError::NoRevision { .. }), "{error}");

    let plain = Sandbox::plain();
    plain.fill(&["a.rs"]);
    let error = changed_in(&plain.checkout(), "HEAD").unwrap_err();
    assert!(matches!(error, WalkError::NoGit { .. }), "{error}");
}

#[test]
fn line_endings_alone_are_no_change() {
    let sandbox = committed();
    sandbox.write("a.rs", "text\r\n");
    assert!(changed(&sandbox, "HEAD").is_empty());
    sandbox.write("a.rs", "te\rxt\n");
    assert_eq!(changed(&sandbox, "HEAD"), ["a.rs"]);
}

#[test]
fn a_file_in_place_of_a_folder_and_the_other_way_round() {
    let sandbox = committed();
    fs::remove_dir_all(sandbox.root.join("src")).unwrap();
    sandbox.write("src", "text\n");
    fs::remove_file(sandbox.root.join("a.rs")).unwrap();
    sandbox.write("a.rs/inner.rs", "text\n");
    let checkout = sandbox.checkout();
    let files = ["src", "a.rs/inner.rs", "b.rs"];
    let changed = changed_since(&checkout, "HEAD", &files, &options()).unwrap();
    assert_eq!(changed, ["src", "a.rs/inner.rs"]);
}

#[test]
fn damaged_objects_are_an_error_and_nothing_of_the_repository_runs() {
    let sandbox = committed();
    let witness = sandbox.root.with_file_name("witness");
    let command = format!("touch {}", witness.display());
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "filter.x.clean",
        "filter.x.process",
        "alias.rev-parse",
    ] {
        sandbox.run(&["config", key, &command]);
    }
    sandbox.write(".gitattributes", "* filter=x\n");
    sandbox.write("a.rs", "edit\n");
    assert_eq!(changed(&sandbox, "HEAD"), [".gitattributes", "a.rs"]);
    assert!(!witness.exists());

    let tree = sandbox.run(&["rev-parse", "HEAD^{tree}"]);
    let object = sandbox
        .root
        .join(".git/objects")
        .join(&tree[..2])
        .join(tree[2..].trim());
    let mut permissions = fs::metadata(&object).unwrap().permissions();
    #[expect(
        clippy::permissions_set_readonly_false,
        reason = "a file of the test's own"
    )]
    permissions.set_readonly(false);
    fs::set_permissions(&object, permissions).unwrap();
    fs::write(&object, b"not an object").unwrap();
    let error = changed_in(&sandbox.checkout(), "HEAD").unwrap_err();
    let named = sandbox.root.to_string_lossy().into_owned();
    assert!(error.to_string().contains(&named), "{error}");
}

/// A pipe or a device in the place of a file of git's is refused, not waited for.
#[cfg(unix)]
#[test]
fn files_of_git_that_are_none_are_refused() {
    for name in [
        "HEAD",
        "config",
        "packed-refs",
        "refs/heads/other",
        "objects/info/alternates",
        "objects/aa",
    ] {
        let sandbox = committed();
        let listing = list(&sandbox.checkout(), &options()).unwrap();
        let checkout = sandbox.checkout();
        let path = sandbox.root.join(".git").join(name);
        let _ = fs::remove_file(&path);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let files: Vec<&str> = listing.files.iter().map(|file| &*file.path).collect();
        let error = changed_since(&checkout, "HEAD", &files, &options()).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn repositories_that_cannot_be_compared_say_so() {
    let sandbox = committed();
    for head in ["", "ref: refs/heads/.invalid\n", "nonsense\n"] {
        sandbox.write(".git/HEAD", head);
        let error = changed_in(&sandbox.checkout(), "HEAD").unwrap_err();
        assert!(
            error.to_string().contains("HEAD") || error.to_string().contains("git"),
            "{head:?}: {error}"
        );
    }
    let sandbox = Sandbox::plain();
    sandbox.run(&["init", "--quiet", "--object-format=sha256"]);
    sandbox.fill(&["a.rs"]);
    sandbox.run(&["add", "."]);
    sandbox.commit();
    let error = changed_in(&sandbox.checkout(), "HEAD").unwrap_err();
    assert!(
        error.is_bad_request() && error.to_string().contains("SHA-256"),
        "{error}"
    );
}
