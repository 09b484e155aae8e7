"""Downloads the packages of sources.toml and keeps those under permissive licences.

Each registry is asked through its ordinary client (pip, npm, cargo, apt-get), by
name, one package at a time. Sources are unpacked under $WHEREIN_TRAINING/sources,
never inside the repository; what was kept is written to sources.lock.json.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile

HERE = pathlib.Path(__file__).parent
WORK = pathlib.Path(os.environ.get("WHEREIN_TRAINING", "/tmp/wherein-training"))
SOURCES = WORK / "sources"
ARCHIVES = WORK / "archives"
EXTENSIONS = set(
    ".py .js .mjs .cjs .jsx .ts .tsx .mts .rs .go .c .h .cc .cpp .cxx .hpp .hh .java .kt .kts .scala .rb .php .lua "
    ".ml .mli .hs .ex .exs .erl .cs .swift .sh .bash .zsh .jl .md .rst".split()
)
PERMISSIVE = re.compile(
    r"\b(mit|expat|bsd|apache|isc|zlib|libpng|psf|python software|python-2|unlicen[sc]e|0bsd|cc0|public[- ]domain|"
    r"postgresql|bsl|boost|hpnd|unicode|curl|ntp|x11|ruby)\b|^(bsd|mit|apache|expat|isc|zlib)",
    re.I,
)
RESTRICTIVE = re.compile(r"\b(a?gpl|lgpl|gnu|mpl|mozilla|epl|eclipse|cddl|eupl|sspl|busl|cc-by-(nc|sa)|artistic|proprietary|other/prop)", re.I)
MAX_FILE_BYTES = 400_000
MAX_PACKAGE_BYTES = 60_000_000


def permissive(licence: str) -> bool:
    """Whether a declared licence allows use under a permissive one ("A OR B": one is enough)."""
    if not licence:
        return False
    choices = re.split(r"\bor\b|/|\|\|?", licence, flags=re.I) if not licence.lower().startswith("other/") else [licence]
    return any(PERMISSIVE.search(c) and not RESTRICTIVE.search(c) for c in choices)


def excluded(name: str, exclude: set[str]) -> bool:
    """Whether a package is one of the benchmark's repositories, under any registry's prefix."""
    plain = re.sub(r"^(golang-(github|gopkg|google|go\.uber|golang-x)-|ruby-|haskell-|php-|lua-|lib|ocaml-|erlang-|python3?-)", "", name.lower())
    short = plain.split("-")[-1] if name.startswith("golang-") else plain
    return name.lower() in exclude or plain in exclude or short in exclude or name.endswith("-skip")


def keep(name: str) -> bool:
    path = pathlib.PurePosixPath(name)
    return path.suffix in EXTENSIONS and not any(
        part in {"node_modules", "vendor", "third_party", "thirdparty", "_vendor", "extern", "3rdparty", ".git"} for part in path.parts
    ) and ".min." not in path.name


def unpack(archive: pathlib.Path, into: pathlib.Path) -> None:
    """Copies the source files of an archive, and nothing else, into a folder."""
    total = 0

    def write(name: str, data: bytes) -> None:
        nonlocal total
        target = into / name.lstrip("/")
        if ".." in target.parts or total > MAX_PACKAGE_BYTES:
            return
        total += len(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)

    if archive.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(archive) as z:
            for entry in z.infolist():
                if not entry.is_dir() and entry.file_size <= MAX_FILE_BYTES and keep(entry.filename):
                    write(entry.filename, z.read(entry))
    else:
        with tarfile.open(archive) as tar:
            for member in tar:
                if member.isfile() and member.size <= MAX_FILE_BYTES and keep(member.name):
                    write(member.name, tar.extractfile(member).read())


def run(*command: str, cwd: pathlib.Path, timeout: int = 300) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:3])}: {done.stderr.strip()[-200:]}")
    return done.stdout


def pypi(name: str) -> list[dict]:
    folder = ARCHIVES / "pypi" / name
    folder.mkdir(parents=True, exist_ok=True)
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", ".", name, cwd=folder)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as z:
        meta = z.read(next(n for n in z.namelist() if n.endswith(".dist-info/METADATA") and n.count("/") == 1)).decode("utf-8", "replace")
    head = meta.split("\n\n", 1)[0]
    version = re.search(r"^Version: (.+)$", head, re.M)[1]
    licences = re.findall(r"^License-Expression: (.+)$", head, re.M) or [
        c.split("::")[-1].strip() for c in re.findall(r"^Classifier: (License :: .+)$", head, re.M) if c != "License :: OSI Approved"
    ] or re.findall(r"^License: (.{1,80})", head, re.M)
    licence = " AND ".join(licences)
    if not permissive(licence):
        shutil.rmtree(folder)
        raise RuntimeError(f"licence not taken: {licence or 'none declared'}")
    unpack(wheel, SOURCES / "pypi" / name)
    wheel.unlink()
    return [{"registry": "pypi", "name": name, "version": version, "licence": licence}]


def npm(name: str) -> list[dict]:
    folder = ARCHIVES / "npm" / name.replace("/", "__")
    folder.mkdir(parents=True, exist_ok=True)
    run("npm", "pack", "--silent", name, cwd=folder)
    [archive] = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        root = next(m for m in tar if m.name.count("/") == 1 and m.name.endswith("/package.json"))
        package = json.load(tar.extractfile(root))
    licence = package.get("license") or package.get("licenses") or ""
    licence = licence if isinstance(licence, str) else json.dumps(licence)
    if not permissive(licence):
        raise RuntimeError(f"licence not taken: {licence}")
    unpack(archive, SOURCES / "npm" / name.replace("/", "__"))
    archive.unlink()
    return [{"registry": "npm", "name": name, "version": package["version"], "licence": licence}]


def crates(group: str) -> list[dict]:
    exclude = EXCLUDE
    label = group.split()[0]
    folder = ARCHIVES / "crates" / label
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src/lib.rs").write_text("")
    manifest = '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\n'
    (folder / "Cargo.toml").write_text(manifest + "".join(f'{c} = "*"\n' for c in group.split()))
    run("cargo", "vendor", "-q", "vendor", cwd=folder, timeout=900)
    kept = []
    for crate in sorted((folder / "vendor").iterdir()):
        meta = tomllib.loads((crate / "Cargo.toml").read_text())["package"]
        name, licence = meta["name"], meta.get("license", "")
        target = SOURCES / "crates" / name
        if excluded(name, exclude) or not permissive(licence) or target.exists() or re.search(r"-sys$|^windows|^web-sys|^js-sys|^libc$|^objc2|^winapi", name):
            continue
        for file in crate.rglob("*"):
            relative = file.relative_to(crate)
            if file.is_file() and keep(relative.as_posix()) and file.stat().st_size <= MAX_FILE_BYTES:
                (target / relative).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target / relative)
        kept.append({"registry": "crates.io", "name": name, "version": meta["version"], "licence": licence})
    shutil.rmtree(folder)
    return kept


def apt_options() -> list[str]:
    """Options that give apt-get the source lists in a folder of our own; the system's are not touched."""
    state = WORK / "apt"
    (state / "lists/partial").mkdir(parents=True, exist_ok=True)
    (state / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
    (state / "empty").mkdir(exist_ok=True)
    (state / "sources.list").write_text("deb-src http://deb.debian.org/debian bookworm main\n")
    return [
        f"-oDir::Etc::SourceList={state}/sources.list", f"-oDir::Etc::SourceParts={state}/empty",
        f"-oDir::State::Lists={state}/lists", f"-oDir::Cache={state}/cache", "-oAPT::Sandbox::User=root",
    ]


def debian_licence(copyright_text: str) -> str:
    """The licence of `Files: *` in a machine-readable debian/copyright, else the first one named."""
    stanzas = re.split(r"\n\s*\n", copyright_text)
    for stanza in stanzas:
        files = re.search(r"^Files:\s*((?:.|\n )*)", stanza, re.M)
        licence = re.search(r"^License:[ \t]*\n?[ \t]*(\S.*)$", stanza, re.M)
        if files and licence and re.match(r"\*(\s|$)", files[1]):
            return licence[1].strip()
    return ""


def debian(name: str) -> list[dict]:
    folder = ARCHIVES / "debian" / name
    folder.mkdir(parents=True, exist_ok=True)
    run("apt-get", *apt_options(), "-qq", "source", "--download-only", name, cwd=folder)
    [dsc] = folder.glob("*.dsc")
    version = re.search(r"^Version: (.+)$", dsc.read_text(errors="replace"), re.M)[1]
    text = ""
    for archive in sorted(folder.glob("*.debian.tar.*")):
        with tarfile.open(archive) as tar:
            text = tar.extractfile("debian/copyright").read().decode("utf-8", "replace")
    licence = debian_licence(text)
    if not permissive(licence):
        shutil.rmtree(folder)
        raise RuntimeError(f"licence not taken: {licence or 'not machine-readable'}")
    for archive in folder.glob("*.orig*.tar.*"):
        if not archive.name.endswith(".asc"):
            unpack(archive, SOURCES / "debian" / name)
    shutil.rmtree(folder)
    return [{"registry": "debian", "name": name, "version": version, "licence": licence}]


def debian_binary(name: str) -> list[dict]:
    """A binary package whose files are sources (Ruby, Go, Lua, PHP libraries)."""
    folder = ARCHIVES / "debian" / name
    folder.mkdir(parents=True, exist_ok=True)
    run("apt-get", "-oAPT::Sandbox::User=root", "-qq", "download", name, cwd=folder)
    [package] = folder.glob("*.deb")
    version = run("dpkg-deb", "-f", package.name, "Version", cwd=folder).strip()
    with open(folder / "files.tar", "wb") as out:
        subprocess.run(["dpkg-deb", "--fsys-tarfile", package], stdout=out, check=True)
    text = ""
    with tarfile.open(folder / "files.tar") as tar:
        for member in tar:
            if re.fullmatch(r"\./usr/share/doc/[^/]+/copyright", member.name) and member.isfile():
                text = tar.extractfile(member).read().decode("utf-8", "replace")
    licence = debian_licence(text)
    if not permissive(licence):
        shutil.rmtree(folder)
        raise RuntimeError(f"licence not taken: {licence or 'not machine-readable'}")
    unpack(folder / "files.tar", SOURCES / "debian" / name)
    shutil.rmtree(folder)
    return [{"registry": "debian", "name": name, "version": version, "licence": licence}]


def attempt(job) -> tuple[list[dict], str]:
    function, name = job
    try:
        return function(name), ""
    except Exception as error:  # a package that cannot be had is left out, and named
        return [], f"{function.__name__} {name}: {error}"


def never() -> set[str]:
    """What is never trained on: the list of sources.toml, and the code bases that the ranking is trained on, since a
    model that knows them would be trusted too much there."""
    ranked = json.loads((HERE.parents[1] / "search/training/repos.json").read_text())
    return set(tomllib.loads((HERE / "sources.toml").read_text())["exclude"]) | {r[k].lower() for r in ranked for k in ("name", "package")}


EXCLUDE = never()


def write_lock(kept: list[dict]) -> None:
    """sources.lock.json: registry -> package -> version and licence."""
    lock: dict[str, dict[str, str]] = {}
    used = (record for record in kept if not excluded(record["name"], EXCLUDE))
    for record in sorted(used, key=lambda r: (r["registry"], r["name"])):
        lock.setdefault(record["registry"], {})[record["name"]] = f"{record['version']} ({record['licence'].splitlines()[0][:60]})"
    (HERE / "sources.lock.json").write_text(json.dumps(lock, indent=1, ensure_ascii=False) + "\n")


def main() -> None:
    sources = tomllib.loads((HERE / "sources.toml").read_text())
    only = set(sys.argv[1:])
    subprocess.run(["apt-get", *apt_options(), "-qq", "update"], check=True)
    jobs = []
    for function in (debian, debian_binary, npm, pypi):
        if not only or function.__name__ in only:
            jobs += [(function, n) for n in dict.fromkeys(sources[function.__name__]["packages"].split()) if not excluded(n, EXCLUDE)]
    if not only or "crates" in only:
        jobs += [(crates, g) for g in sources["crates"]["groups"]]
    lock_path = WORK / "sources.lock.json"
    kept = json.loads(lock_path.read_text()) if lock_path.exists() else []
    done = {(k["registry"], k["name"]) for k in kept}
    jobs = [j for j in jobs if (j[0].__name__.split("_")[0], j[1]) not in done]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for number, (records, problem) in enumerate(pool.map(attempt, jobs)):
            kept += records
            if problem:
                print(f"left out: {problem}", flush=True)
            if number % 10 == 9 or number + 1 == len(jobs):
                unique = {(k["registry"], k["name"]): k for k in kept}
                lock_path.write_text(json.dumps([unique[k] for k in sorted(unique)], indent=1) + "\n")
                print(f"{number + 1} of {len(jobs)}", flush=True)
    write_lock(json.loads(lock_path.read_text()))


if __name__ == "__main__":
    main()
