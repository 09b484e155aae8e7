"""Fetches the packages that labels/ is about, at the versions that were labelled.

    sources.py FOLDER [NAME ...]

Each package of repos.json is asked for by its registry's ordinary client (pip, npm,
cargo, apt-get), unpacked into FOLDER/NAME, and compared with the digest of what was labelled.
Nothing of a package is run, and nothing of it is kept in this repository. A package that
cannot be had is left out and named; exit code 1 when one is, or differs.
"""

import hashlib
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

HERE = pathlib.Path(__file__).parent
sys.path.append(str(HERE.parents[1] / "embed/training"))
from fetch import WORK, apt_options, run  # noqa: E402

MAX_FILE_BYTES = 2_000_000


def apt_sources() -> list[str]:
    """As the embedding model's training has them, and the suites after it."""
    options = apt_options()
    line = (WORK / "apt/sources.list").read_text()
    suites = "".join(line.replace("bookworm", suite) for suite in ("bookworm", "trixie", "sid"))
    (WORK / "apt/sources.list").write_text(suites)
    return options


def members(archive: pathlib.Path):
    """Paths and contents of an archive's files; links and what is too large are left out."""
    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as opened:
            for entry in opened.infolist():
                if not entry.is_dir() and entry.file_size <= MAX_FILE_BYTES:
                    yield entry.filename, opened.read(entry)
    else:
        with tarfile.open(archive) as opened:
            for member in opened:
                if member.isfile() and member.size <= MAX_FILE_BYTES:
                    yield member.name, opened.extractfile(member).read()


def without_top(items):
    for name, data in items:
        yield name.split("/", 1)[-1], data


def pypi(package: str, version: str, folder: pathlib.Path):
    run(
        sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--platform", "any", "-d", ".",
        f"{package}=={version}", cwd=folder,
    )
    return members(next(folder.glob("*.whl")))


def npm(package: str, version: str, folder: pathlib.Path):
    run("npm", "pack", "--silent", "--ignore-scripts", f"{package}@{version}", cwd=folder)
    return without_top(members(next(folder.glob("*.tgz"))))


def crates(package: str, version: str, folder: pathlib.Path):
    (folder / "src").mkdir()
    (folder / "src/lib.rs").write_text("")
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\n'
        f'{package} = {{ version = "={version}", default-features = false }}\n'
    )
    run("cargo", "vendor", "-q", "vendor", cwd=folder, timeout=900)
    root = folder / "vendor" / package
    return ((file.relative_to(root).as_posix(), file.read_bytes()) for file in sorted(root.rglob("*")) if file.is_file())


def debian(package: str, version: str, folder: pathlib.Path):
    try:
        run("apt-get", *apt_sources(), "-qq", "source", "--download-only", f"{package}={version}", cwd=folder)
    except RuntimeError:
        # A mirror may serve the sources and not the packaging beside them.
        if not list(folder.glob("*.orig.tar.*")):
            raise
    archives = [file for file in sorted(folder.iterdir()) if re.search(r"\.orig\.tar\.\w+$", file.name)]
    return without_top(members(archives[0]))


def debian_binary(package: str, version: str, folder: pathlib.Path):
    run("apt-get", "-oAPT::Sandbox::User=root", "-qq", "download", f"{package}={version}", cwd=folder)
    with open(folder / "files.tar", "wb") as out:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", next(folder.glob("*.deb"))], stdout=out, check=True)
    return ((name.removeprefix("./"), data) for name, data in members(folder / "files.tar"))


REGISTRIES = {one.__name__: one for one in (pypi, npm, crates, debian, debian_binary)}


def digest(folder: pathlib.Path) -> str:
    """Of all files of a folder, their paths and contents."""
    whole = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            whole.update(file.relative_to(folder).as_posix().encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()[:16]


def fetch(entry: dict, into: pathlib.Path) -> str:
    """Fetches one package; gives what is wrong, if anything."""
    target = into / entry["name"]
    if not target.exists():
        with tempfile.TemporaryDirectory() as scratch:
            try:
                items = list(REGISTRIES[entry["registry"]](entry["package"], entry["version"], pathlib.Path(scratch)))
            except Exception as error:  # whatever the client says
                return f"cannot be had: {error}"
        for name, data in items:
            path = target / name
            if len(data) <= MAX_FILE_BYTES and ".." not in path.parts:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    root = target / entry["benchmark_root"]
    found = digest(root)
    return "" if found == entry["digest"] else f"is not what was labelled: digest {found}, not {entry['digest']}"


def main() -> None:
    into = pathlib.Path(sys.argv[1])
    only = set(sys.argv[2:])
    entries = json.loads((HERE / "repos.json").read_text())
    entries = [entry for entry in entries if not only or entry["name"] in only]
    if any(entry["registry"] == "debian" for entry in entries):
        subprocess.run(["apt-get", *apt_sources(), "-qq", "update"], check=True)
    problems = 0
    for entry in entries:
        problem = fetch(entry, into)
        problems += bool(problem)
        print(f"{entry['name']:28} {problem or 'ok'}", flush=True)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
