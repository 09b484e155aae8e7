"""Published tools and wherein on the same questions, the same files and the same machine, in one run.

    python3 peers.py --eval DIR --corpus DIR --wherein PROGRAM [--sifs PROGRAM] --out FILE [--readme FILE]

Every repository is done by every tool before the next repository begins, so that
a slow minute of the machine strikes all of them. The definitions are those of
the benchmark's own harness, which is imported, not copied.
"""

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BEGIN, END = "<!-- peers: made by `make bench-peers` -->", "<!-- end of peers -->"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--eval", required=True, type=Path)
    parser.add_argument("--corpus", required=True, type=Path)
    parser.add_argument("--wherein", required=True)
    parser.add_argument("--sifs", help="the program of the crate sifs; left out, it is not measured")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--runs", type=int, default=3, help="times each question is asked; the median counts")
    parser.add_argument("--repo", action="append", default=[])
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--readme", type=Path)
    return parser.parse_args()


def tools_of(options, scratch: Path) -> dict:
    import stand_in
    import tools

    model = stand_in.write(ROOT / "crates/embed/model", scratch / "model")
    found = {
        "wherein, HTTP": tools.Wherein(options.wherein, scratch),
        "semble 0.7.0 in process, wherein's token table": tools.Semble(model),
        "semble 0.7.0 in process, no model": tools.Semble(model, alpha=0.0),
        "wherein, a process a question": tools.WhereinCommand(options.wherein, scratch),
    }
    if options.sifs:
        found["SIFS 0.4.0 BM25, a process a question"] = tools.Sifs(options.sifs, scratch)
    return found


def measure(harness, options, tools) -> dict:
    split = json.loads((options.eval / "split.json").read_text())[options.split]
    specs = harness.load_specs()
    counter, counter_name = harness.make_counter()
    ask = SimpleNamespace(scope="root", runs=options.runs, shallow=False, verbose=False)
    repos = {name: [] for name in tools}
    for repo in sorted(n for n in split if not options.repo or n in options.repo):
        for name, tool in tools.items():
            done = harness.run_repo(specs[repo], tool, {}, ask, counter)
            if done is None:
                sys.exit(f"{options.corpus / repo} is missing: python3 dev_from_registry.py fetches it")
            repos[name].append(done)
            print(f"{repo:16} {harness.aggregate(done['rows'])['ndcg10']:.3f}  {done['index_s']:.2f} s  {name}", flush=True)
    return {"tokens": counter_name, "tools": {name: harness.summarize(done) for name, done in repos.items()}}


def table(result: dict) -> str:
    lines = ["| tool | NDCG@10 | recall at 500 tokens | tokens to the first hit | index, mean of a repository | question p50 | p95 |",
             "|---|---:|---:|---:|---:|---:|---:|"]
    for name, tool in result["tools"].items():
        o = tool["overall"]
        lines.append(f"| {name} | {o['ndcg10_repo_mean']:.3f} | {o['recall_at_tokens']['500']:.3f} | {o['tokens_first_hit']:.0f} "
                     f"| {o['index_s_mean'] * 1000:.0f} ms | {o['p50_ms']:.1f} ms | {o['p95_ms']:.1f} ms |")
    lines.append(f"\n{result['machine']}, {result['date']}, commit {result['commit']}. Made by `make bench-peers`; by repository and language in `benches/peers.json`.")
    return "\n".join(lines)


def put(readme: Path, text: str):
    before, rest = readme.read_text().split(BEGIN)
    readme.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}")


def main():
    options = arguments()
    for name in ("wherein", "sifs"):
        if getattr(options, name):
            setattr(options, name, str(Path(getattr(options, name)).resolve()))
    os.environ["EVAL_CORPUS"] = str(options.corpus)
    sys.path[:0] = [str(options.eval), str(HERE)]
    import harness

    with tempfile.TemporaryDirectory(prefix="wherein-peers-") as scratch:
        os.environ |= {"HOME": scratch, "SEMBLE_CACHE_LOCATION": f"{scratch}/semble", "HF_HUB_OFFLINE": "1"}
        tools = tools_of(options, Path(scratch))
        # What is loaded once (libraries, the model) is not a part of any index.
        warm = Path(scratch) / "warm"
        warm.mkdir()
        (warm / "one.py").write_text("def one():\n    return 1\n")
        for tool in tools.values():
            handle = tool.index(str(warm))
            tool.search(handle, "one", 1)
            if hasattr(tool, "close"):
                tool.close(handle)
        result = measure(harness, options, tools)
    git = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    result |= {
        "machine": f"{os.cpu_count()} cores {platform.machine()}",
        "date": datetime.date.today().isoformat(),
        "commit": subprocess.run(git, capture_output=True, text=True).stdout.strip(),
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(table(result))
    if options.readme:
        put(options.readme, table(result))


if __name__ == "__main__":
    main()
