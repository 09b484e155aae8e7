#!/usr/bin/env bash
# The demonstration behind `make demo`: real sources that cargo has already
# downloaded (tokio, axum, hyper, tower), five questions, one of them over HTTP.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --release --package wherein-cli
wherein=$target/release/wherein
demo=$target/demo
rm -rf "$demo" && mkdir -p "$demo/code"
export WHEREIN_HOME=$demo/home

# Where cargo keeps the sources of the packages of this workspace.
cargo metadata --format-version 1 --locked >"$demo/metadata.json"
python3 - "$demo" <<'PYTHON'
import json, os, shutil, sys
demo = sys.argv[1]
packages = json.load(open(os.path.join(demo, "metadata.json")))["packages"]
for name in ("tokio", "axum", "hyper", "tower"):
    manifest = next(p["manifest_path"] for p in packages if p["name"] == name)
    shutil.copytree(os.path.dirname(manifest), os.path.join(demo, "code", name))
PYTHON

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say '$ wherein index'
"$wherein" index "$demo/code"
for question in \
    "how are tasks stolen between workers" \
    "where are request bodies limited in size" \
    "graceful shutdown of a connection" \
    "Router::nest"; do
    say "\$ wherein \"$question\""
    "$wherein" "$question" "$demo/code" -k 3 --lines 4
done

say '$ wherein serve & curl -d {"query": "timeout for a future", "k": 3} http://.../v1/search'
mkfifo "$demo/address"
"$wherein" serve --listen 127.0.0.1:0 "$demo/code" >"$demo/address" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
read -r address <"$demo/address"
python3 - "$address" <<'PYTHON'
import json, sys, time, urllib.request
url = sys.argv[1] + "/v1/search"
body = json.dumps({"query": "timeout for a future", "k": 3}).encode()
for attempt in range(100):
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            answer = json.load(response)
            break
    except urllib.error.HTTPError as error:
        # The server is still opening or building the index: it says so.
        if attempt == 99 or error.code not in (409, 503):
            raise SystemExit(error.read().decode())
        time.sleep(0.1)
for hit in answer["hits"]:
    print(f'{hit["path"]}:{hit["start_line"]}-{hit["end_line"]}  {hit["kind"]} {hit["breadcrumb"]}  {hit["score"]:.3f}')
print(f'({answer["took_ms"]:.1f} ms, generation {answer["index"]["generation"]}, fresh: {answer["index"]["fresh"]})')
PYTHON
