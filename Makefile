# The two commands of README are `make run` and `make test`; they do all the set-up there is.
# Each target is a few lines: what needs more is a script of its own in scripts/.

CARGO ?= cargo
export VOICE_MODELS_DIR ?= $(CURDIR)/.models

.PHONY: help run test check features doc unit setup models audit bench

help:
	@echo "make run     serve calls on 127.0.0.1:8080 (flags: make run ARGS='--listen 127.0.0.1:9000')"
	@echo "make test    formatting, lints, the sets of features that matter, documentation, all tests"
	@echo "make bench   every figure in README"
	@echo "make models  bring the local speech models (make run and make test do so themselves)"
	@echo "make audit   licences, bans, sources and advisories of the dependencies"

run: setup models
	$(CARGO) run --release --locked -p voice-server -- serve $(ARGS)

test: setup models check features doc unit

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

features:
	scripts/features

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

unit:
	scripts/test

setup:
	@scripts/setup

models:
	@scripts/models

audit:
	scripts/audit

bench: setup models
	scripts/bench $(ARGS)
