"""The tools side by side: each has index(root), search(handle, query, k) and close(handle), as the harness of the benchmark wants."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path


def run(command: list[str], environment: dict, limit: float = 300) -> str:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=limit)
    if done.returncode > 1:
        raise RuntimeError(f"{command[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def spans(hits: list[dict], path: str) -> list[tuple]:
    return [(h[path], h["start_line"], h["end_line"], h.get("text", h.get("content"))) for h in hits]


class Wherein:
    """wherein as people run it: `index` as a process, then one server that answers over HTTP."""

    STABLE_PREFIX = False

    def __init__(self, program: str, scratch: Path):
        self.program, self.scratch, self.made = program, scratch, 0

    def home(self) -> dict:
        self.made += 1
        folder = self.scratch / f"wherein-{os.getpid()}-{self.made}"
        shutil.rmtree(folder, ignore_errors=True)
        return {**os.environ, "WHEREIN_HOME": str(folder)}

    def index(self, root):
        environment = self.home()
        run([self.program, "index", root], environment)
        return {"root": root, "environment": environment, "server": None}

    def start(self, handle):
        """Starts the server: not a part of indexing, and paid once for all questions."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        handle["server"] = subprocess.Popen(
            [self.program, "serve", "--listen", address, handle["root"]],
            env=handle["environment"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for _ in range(200):
            try:
                handle["http"] = http.client.HTTPConnection(address, timeout=30)
                handle["http"].request("GET", "/readyz")
                answer = handle["http"].getresponse()
                answer.read()
                if answer.status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def search(self, handle, query, k):
        if handle["server"] is None:
            self.start(handle)
        body = json.dumps({"query": query, "k": k})
        handle["http"].request("POST", "/v1/search", body, {"content-type": "application/json"})
        return spans(json.loads(handle["http"].getresponse().read())["hits"], "path")

    def close(self, handle):
        if handle["server"] is not None:
            handle["http"].close()
            handle["server"].terminate()
            handle["server"].wait(30)
        shutil.rmtree(handle["environment"]["WHEREIN_HOME"], ignore_errors=True)


class WhereinCommand(Wherein):
    """One process a question: what an agent without a server pays."""

    def search(self, handle, query, k):
        found = run([self.program, "search", "--json", "-k", str(k), query, handle["root"]], handle["environment"])
        return spans(json.loads(found)["hits"], "path")


class Sifs:
    """SIFS (a crate), lexical: its hybrid mode wants a model that no registry carries. One process a question."""

    STABLE_PREFIX = False

    def __init__(self, program: str, scratch: Path):
        self.program, self.scratch, self.made = program, scratch, 0

    def index(self, root):
        self.made += 1
        home = self.scratch / f"sifs-{os.getpid()}-{self.made}"
        handle = {"root": root, "environment": {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home / "cache")}}
        home.mkdir(parents=True, exist_ok=True)
        # It indexes with the first question; one word alone would not make it do so.
        self.search(handle, "where is the configuration read", 1)
        return handle

    def search(self, handle, query, k):
        found = run(
            [self.program, "search", query, "--source", handle["root"], "--mode", "bm25", "--offline", "--json", "--limit", str(k)],
            handle["environment"],
        )
        return spans(json.loads(found)["results"], "file_path")

    def close(self, handle):
        shutil.rmtree(handle["environment"]["HOME"], ignore_errors=True)


class Semble:
    """semble (PyPI) in this process, over wherein's token table; `alpha` 0 is its ranking without a model."""

    STABLE_PREFIX = False

    def __init__(self, model: Path, alpha: float | None = None):
        self.model, self.alpha = str(model), alpha

    def index(self, root):
        from semble import SembleIndex

        shutil.rmtree(os.environ["SEMBLE_CACHE_LOCATION"], ignore_errors=True)
        return SembleIndex.from_path(root, model_path=self.model)

    def search(self, handle, query, k):
        return [(r.chunk.file_path, r.chunk.start_line, r.chunk.end_line, r.chunk.content)
                for r in handle.search(query, top_k=k, alpha=self.alpha)]
