//! What a person at a terminal sees: colour, its absence, and the progress bar.

use std::process::Command;

use crate::program::Scratch;

/// Runs the program with a terminal of its own, which python3 makes, and gives
/// what appears there.
fn on_a_terminal(scratch: &Scratch, arguments: &[&str], settings: &[(&str, &str)]) -> String {
    const SCRIPT: &str = "
import os, pty, sys
seen = bytearray()
def read(fd):
    data = os.read(fd, 65536)
    seen.extend(data)
    return data
sys.stdout = open(os.devnull, 'w')
real = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
status = pty.spawn(sys.argv[1:], read)
os.write(real, bytes(seen))
sys.exit(os.waitstatus_to_exitcode(status))
";
    let program = scratch.command(arguments);
    let mut command = Command::new("python3");
    command
        .args(["-c", SCRIPT])
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(scratch.repository())
        .env("TERM", "xterm-256color")
        .env_remove("NO_COLOR")
        .env_remove("CI");
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.envs(settings.iter().copied());
    let output = command.output().expect("python3 runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn colour_is_for_terminals_and_can_be_refused() {
    let scratch = Scratch::with(&[("a.py", "def apple():\n    pass\n")]);
    let coloured = on_a_terminal(&scratch, &["apple"], &[]);
    assert!(coloured.contains("\u{1b}[35m"), "{coloured:?}");
    assert!(coloured.contains("def apple"), "{coloured:?}");
    let plain = on_a_terminal(&scratch, &["apple"], &[("NO_COLOR", "1")]);
    assert!(
        plain.contains("a.py") && !plain.contains("\u{1b}[3"),
        "{plain:?}"
    );
    let json = on_a_terminal(&scratch, &["apple", "--json"], &[]);
    assert!(
        json.contains("{\"query\"") && !json.contains("\u{1b}[35m"),
        "{json:?}"
    );
}

#[test]
fn a_long_run_shows_how_far_it_is() {
    let scratch = Scratch::new();
    for number in 0..3000 {
        let line = format!("    total += {number}  # one step of many\n").repeat(40);
        let text = format!("def function{number}(total):\n{line}    return total\n");
        scratch.write(&format!("src/file{number}.py"), text);
    }
    let seen = on_a_terminal(&scratch, &["index"], &[]);
    for part in ["indexing", "% ", "files/s", "chunks/s", "ETA"] {
        assert!(seen.contains(part), "{part}: {seen:?}");
    }
    // The bar is gone when the run has ended, and the result stands.
    let last = seen.trim_end().lines().last().unwrap_or_default();
    assert!(last.contains("MB/s"), "{last:?}");
    let piped = scratch.run(&["index", "--full"]);
    assert_eq!(piped.err, "", "no bar in a pipe");
}
