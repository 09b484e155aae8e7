//! Worktrees, submodules, nested and bare repositories, HEAD and identity.

use std::fs;
use std::path::Path;

use wherein_core::SkipReason;
use wherein_walk::{Checkout, Verdict, WalkError, list, why};

use crate::sandbox::{Sandbox, names, options};

#[test]
fn a_checkout_is_the_folder_or_all_around_it() {
    let sandbox = Sandbox::git();
    sandbox.fill(&["src/main.rs"]);
    let inside = Checkout::at(&sandbox.root.join("src")).unwrap();
    assert_eq!(inside.root, sandbox.root.join("src"));
    let git = inside.git.clone().unwrap();
    assert_eq!(git.toplevel, sandbox.root);
    assert_eq!(git.git_dir, sandbox.root.join(".git"));
    assert_eq!(git.common_dir, git.git_dir);

    for path in ["src", "src/main.rs", "."] {
        let whole = Checkout::enclosing(&sandbox.root.join(path)).unwrap();
        assert_eq!(whole, sandbox.checkout(), "{path}");
        assert_ne!(whole.identity(), inside.identity());
    }

    let plain = Sandbox::plain();
    plain.fill(&["a/b"]);
    let checkout = Checkout::enclosing(&plain.root.join("a/b")).unwrap();
    assert_eq!(
        (checkout.root.as_path(), checkout.git.as_ref()),
        (plain.root.join("a").as_path(), None)
    );
    assert_eq!(checkout.head(), None);
    assert_eq!(
        checkout.identity().0,
        format!("folder:{}/a", plain.root.display())
    );
}

#[test]
fn bad_roots_are_errors_that_name_the_path() {
    let sandbox = Sandbox::plain();
    sandbox.fill(&["file"]);
    let error = Checkout::at(&sandbox.root.join("none")).unwrap_err();
    assert!(matches!(error, WalkError::Missing { .. }), "{error}");
    assert!(error.to_string().contains("none"), "{error}");
    let error = Checkout::at(&sandbox.root.join("file")).unwrap_err();
    assert!(matches!(error, WalkError::NotAFolder { .. }), "{error}");
    let checkout = sandbox.checkout();
    fs::remove_dir_all(&sandbox.root).unwrap();
    let error = list(&checkout, &options()).unwrap_err();
    assert!(matches!(error, WalkError::Missing { .. }), "{error}");
}

#[test]
fn git_data_is_no_checkout() {
    let sandbox = Sandbox::git();
    for folder in [".git", ".git/objects"] {
        let error = Checkout::at(&sandbox.root.join(folder)).unwrap_err();
        assert!(matches!(error, WalkError::GitData { .. }), "{error}");
    }
    let bare = sandbox.root.parent().unwrap().join("bare");
    sandbox.run(&["init", "--quiet", "--bare", bare.to_str().unwrap()]);
    let error = Checkout::enclosing(&bare).unwrap_err();
    assert!(matches!(error, WalkError::GitData { .. }), "{error}");
}

#[test]
fn head_is_read_loose_packed_and_detached() {
    let sandbox = Sandbox::git();
    assert_eq!(sandbox.checkout().head(), None);
    sandbox.commit();
    let id = sandbox.run(&["rev-parse", "HEAD"]).trim().to_owned();
    assert_eq!(sandbox.checkout().head(), Some(id.clone()));
    sandbox.run(&["pack-refs", "--all"]);
    assert!(!sandbox.root.join(".git/refs/heads/main").exists());
    assert_eq!(sandbox.checkout().head(), Some(id.clone()));
    sandbox.run(&["checkout", "--quiet", "--detach"]);
    assert_eq!(sandbox.checkout().head(), Some(id));
    fs::write(
        sandbox.root.join(".git/HEAD"),
        "ref: refs/../../../etc/passwd\n",
    )
    .unwrap();
    assert_eq!(sandbox.checkout().head(), None);
    fs::write(sandbox.root.join(".git/HEAD"), "ref: refs/heads/a\n").unwrap();
    fs::write(
        sandbox.root.join(".git/refs/heads/a"),
        "ref: refs/heads/a\n",
    )
    .unwrap();
    assert_eq!(sandbox.checkout().head(), None);
}

#[test]
fn worktrees_share_identity_and_exclude_but_not_index_or_head() {
    let sandbox = Sandbox::git();
    sandbox.write(".gitignore", "*.log\n");
    sandbox.run(&["add", ".gitignore"]);
    sandbox.commit();
    let tree = sandbox.root.parent().unwrap().join("tree");
    sandbox.run(&[
        "worktree",
        "add",
        "--quiet",
        "-b",
        "other",
        tree.to_str().unwrap(),
    ]);
    fs::create_dir_all(sandbox.root.join(".git/info")).unwrap();
    fs::write(sandbox.root.join(".git/info/exclude"), "secret-plan\n").unwrap();
    for name in ["a.c", "a.log", "b.log", "secret-plan"] {
        fs::write(tree.join(name), "text\n").unwrap();
    }
    sandbox.run_in(&tree, &["add", "--force", "a.log"]);
    sandbox.run_in(&tree, &["commit", "--quiet", "--message=y"]);

    let main = sandbox.checkout();
    let other = Checkout::at(&tree).unwrap();
    assert_eq!(main.identity(), other.identity());
    let git = other.git.as_ref().unwrap();
    assert_eq!(git.common_dir, main.git.as_ref().unwrap().common_dir);
    assert_ne!(git.git_dir, git.common_dir);
    assert_ne!(main.head(), other.head());
    let id = sandbox.run_in(&tree, &["rev-parse", "HEAD"]);
    assert_eq!(other.head().as_deref(), Some(id.trim()));

    let listing = list(&other, &options()).unwrap();
    assert_eq!(names(&listing), "a.c a.log");
    let own = listing
        .skips
        .iter()
        .find(|skip| skip.path == ".git")
        .unwrap();
    assert_eq!(own.reason, SkipReason::VersionControl);

    fs::create_dir_all(tree.join("sub")).unwrap();
    fs::create_dir_all(sandbox.root.join("sub")).unwrap();
    let part = Checkout::at(&tree.join("sub")).unwrap();
    assert_eq!(
        part.identity(),
        Checkout::at(&sandbox.root.join("sub")).unwrap().identity()
    );
    assert_ne!(part.identity(), other.identity());
}

#[test]
fn clones_are_one_repository_wherever_they_come_from() {
    let source = Sandbox::git();
    source.fill(&["sub/a.c"]);
    source.run(&["add", "--all"]);
    source.commit();
    let place = Sandbox::plain();
    let from = source.root.to_str().unwrap();
    let clone = |from: &str, to: &str, more: &[&str]| {
        let arguments = [&["clone", "--quiet"], more, &[from, to]].concat();
        place.run(&arguments);
        Checkout::at(&place.root.join(to)).unwrap()
    };
    let first = clone(from, "first", &[]);
    assert_eq!(first.identity(), source.checkout().identity());
    let second = clone("first", "second", &["--origin", "upstream"]);
    assert_eq!(second.identity(), source.checkout().identity());
    assert_ne!(second.git, first.git);
    let part = Checkout::at(&place.root.join("first/sub")).unwrap();
    let other = Checkout::at(&source.root.join("sub")).unwrap();
    assert_eq!(part.identity(), other.identity());
    assert_ne!(part.identity(), first.identity());

    // From elsewhere, by whatever way.
    let elsewhere = |of: &Checkout, address: &str| {
        place.run_in(&of.root, &["remote", "add", "origin", address]);
        of.identity()
    };
    place.run_in(&first.root, &["remote", "remove", "origin"]);
    place.run_in(&second.root, &["remote", "remove", "upstream"]);
    let one = elsewhere(&first, "https://example.org/team/app.git");
    let two = elsewhere(&second, "git@example.org:team/app");
    assert_eq!(one, two);
    assert_eq!(one.1, "app");
    assert_ne!(one, source.checkout().identity());
    // Two that were begun by themselves are two.
    let (a, b) = (Sandbox::git(), Sandbox::git());
    assert_ne!(a.checkout().identity(), b.checkout().identity());

    // A source that is gone does not make another repository of its clone.
    let lone = clone(from, "lone", &[]);
    let before = lone.identity();
    drop(source);
    assert_eq!(lone.identity(), before);
    // Nor does one that names itself.
    place.run_in(&lone.root, &["remote", "set-url", "origin", "."]);
    assert!(lone.identity().0.contains("lone"));
}

#[test]
fn submodules_and_nested_clones_are_left_to_themselves() {
    let library = Sandbox::git();
    library.fill(&["lib.c"]);
    library.run(&["add", "lib.c"]);
    library.commit();

    let sandbox = Sandbox::git();
    sandbox.fill(&["main.c"]);
    let source = library.root.to_str().unwrap();
    sandbox.run(&["submodule", "--quiet", "add", source, "deps/lib"]);
    sandbox.run(&["clone", "--quiet", source, "clone"]);
    assert_eq!(sandbox.files(), ".gitmodules main.c");
    for path in ["deps/lib/", "clone/"] {
        assert_eq!(
            sandbox.skip(path).unwrap().0,
            SkipReason::NestedRepository,
            "{path}"
        );
    }
    let verdict = why(&sandbox.checkout(), Path::new("deps/lib/lib.c"), &options()).unwrap();
    assert!(matches!(verdict, Verdict::Skipped(skip) if skip.path == "deps/lib/"));

    let submodule = Checkout::enclosing(&sandbox.root.join("deps/lib/lib.c")).unwrap();
    assert_eq!(submodule.root, sandbox.root.join("deps/lib"));
    assert_eq!(submodule.head(), library.checkout().head());
    assert_ne!(submodule.identity(), sandbox.checkout().identity());
    // It is a clone of the library, as the other is.
    assert_eq!(submodule.identity(), library.checkout().identity());
    assert_eq!(names(&list(&submodule, &options()).unwrap()), "lib.c");
}

#[test]
fn why_tells_outside_missing_and_candidate_apart() {
    let sandbox = Sandbox::git();
    sandbox.fill(&["src/a.c"]);
    let checkout = sandbox.checkout();
    let asked = |path: &Path| why(&checkout, path, &options()).unwrap();
    for path in [
        "src/a.c",
        "./src/a.c",
        "src",
        "src/",
        "src/../src/a.c",
        ".",
        "",
    ] {
        assert_eq!(asked(Path::new(path)), Verdict::Candidate, "{path}");
    }
    assert_eq!(asked(&sandbox.root.join("src/a.c")), Verdict::Candidate);
    assert_eq!(asked(&sandbox.root), Verdict::Candidate);
    for path in ["none", "src/none", "src/a.c/none", "none/a.c"] {
        assert_eq!(asked(Path::new(path)), Verdict::Missing, "{path}");
    }
    for path in ["..", "../x", "/etc/passwd", "/", "src/../.."] {
        assert_eq!(asked(Path::new(path)), Verdict::Outside, "{path}");
    }
}
