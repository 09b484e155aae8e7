# What people and CI run. Every target works on a fresh machine with cargo, gcc,
# make, git and python3, and needs no network but the package registries.

TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: demo test test-agents test-contract test-crash test-models test-page lint bench bench-agents bench-fresh bench-models bench-service bench-vectors bench-peers rank rank-quality ablation clean help

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: ## Builds, indexes real code that cargo has downloaded, answers five questions
	@bash config/demo.sh

test: ## Runs all tests
	cargo test --workspace --quiet
	python3 fixtures/check.py

test-crash: ## Kills the indexer at each of its file operations, and makes each fail (half an hour)
	WHEREIN_TEST_CRASH=all cargo test --package wherein-cli --test main -- crash --nocapture

test-agents: ## Tests with the real clients: Claude Code, Codex, Copilot, Gemini, Qwen, OpenCode ... (needs npm)
	cargo build --package wherein-cli
	python3 fixtures/agents/check.py $(TARGET)/debug/wherein $(TARGET)/agents

test-contract: ## Holds a running service to its own OpenAPI document with schemathesis (needs pip; some minutes)
	cargo build --package wherein-cli
	python3 fixtures/contract/check.py $(TARGET)/debug/wherein $(TARGET)/contract

test-page: ## Drives the web page in headless Chromium (needs npm; Debian: apt-get install chromium)
	cargo build --package wherein-cli
	node fixtures/page/check.mjs $(TARGET)/debug/wherein $(TARGET)/page --screens $(TARGET)/page/screens

MODELS = $(abspath $(TARGET))/bench-models

test-models: ## Fetches ONNX Runtime, bge-small and a re-ranker by pip, and holds both runtimes to each other
	cargo build --package wherein-cli
	WHEREIN_HOME=$(MODELS) $(TARGET)/debug/wherein model add onnxruntime bge-small ms-marco-reranker
	WHEREIN_HOME=$(MODELS) $(TARGET)/debug/wherein model verify
	WHEREIN_ONNXRUNTIME=$(MODELS)/onnxruntime WHEREIN_EMBED_TEST_MODEL=$(MODELS)/models/bge-small \
		cargo test --package wherein-embed --test native_runtime -- --nocapture

lint: ## Checks format and lints, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

bench: ## Measures and rewrites the figures of the README
	cargo build --release --package wherein-cli --package wherein-bench
	$(TARGET)/release/wherein-bench --wherein $(TARGET)/release/wherein --scratch $(TARGET)/bench --readme README.md program

bench-agents: ## Measures what agents see, and what they spend (EVAL=, EVAL_CORPUS= and EVAL_SPLIT= for that; some minutes)
	cargo build --release --package wherein-cli --package wherein-bench
	$(TARGET)/release/wherein-bench --wherein $(TARGET)/release/wherein --scratch $(TARGET)/bench --readme README.md agents \
		$(if $(EVAL),--eval $(EVAL) --corpus $(EVAL_CORPUS)) $(if $(EVAL_SPLIT),--split $(EVAL_SPLIT))

bench-fresh: ## Measures how fast an index follows its repository (some minutes)
	cargo build --release --package wherein-cli --package wherein-bench
	$(TARGET)/release/wherein-bench --wherein $(TARGET)/release/wherein --scratch $(TARGET)/bench --readme README.md fresh

bench-models: ## Measures how fast the built-in model, bge-small and a re-ranker are (adds them by pip)
	cargo build --release --package wherein-cli --package wherein-bench
	WHEREIN_HOME=$(MODELS) $(TARGET)/release/wherein model add onnxruntime bge-small ms-marco-reranker
	$(TARGET)/release/wherein-bench --scratch $(TARGET)/bench --readme README.md models --added $(MODELS)

bench-service: ## Measures what the service bears: load, overload, memory, an index job beside (some minutes)
	cargo build --release --package wherein-cli --package wherein-bench
	$(TARGET)/release/wherein-bench --wherein $(TARGET)/release/wherein --scratch $(TARGET)/bench service

bench-vectors: ## Measures exact scan against graph (some minutes)
	cargo build --release --package wherein-cli --package wherein-bench
	$(TARGET)/release/wherein-bench --wherein $(TARGET)/release/wherein --scratch $(TARGET)/bench --readme README.md vectors

PEERS = $(abspath $(TARGET))/peers

bench-peers: ## Measures published tools and wherein on the same questions (EVAL=, EVAL_CORPUS=; some 20 minutes)
	cargo build --release --package wherein-cli
	cargo install sifs --version 0.4.0 --locked --quiet --root $(PEERS)/sifs --target-dir $(PEERS)/build
	python3 -m venv $(PEERS)/venv
	$(PEERS)/venv/bin/pip install --quiet --requirement benches/peers/requirements.txt
	$(PEERS)/venv/bin/python benches/peers/peers.py --eval $(EVAL) --corpus $(EVAL_CORPUS) \
		--wherein $(TARGET)/release/wherein --sifs $(PEERS)/sifs/bin/sifs --out benches/peers.json --readme README.md

rank: ## Trains the weights of the ranking stage from labelled queries
	$(MAKE) -C crates/search/training train

rank-quality: ## The same where a model is in use beside the built-in one (`wherein model use`)
	$(MAKE) -C crates/search/training quality

ablation: ## Measures what each group of features is worth
	$(MAKE) -C crates/search/training ablation

clean:
	cargo clean
