# What can be done with this checkout. Each target is one command of its own; nothing here has logic.
.PHONY: help run down test bench figures screenshots check

help:
	@echo 'make run     a provider from ASN to optimized routing on real routers (ONCE=1: end afterwards)'
	@echo 'make down    end what make run left up'
	@echo 'make test    the checks and every test'
	@echo 'make bench   the figures, printed and written to target/figures/bench.jsonl; fails when a bound does not hold'
	@echo 'make figures README'"'"'s tables of what make run and make bench measured last'
	@echo 'make screenshots  every page of the portal, in target/screenshots; the chosen ones in docs/images'
	@echo 'make check   dependency arrows, module docs, formatting, lints, licences'

run:
	@scripts/run.sh

down:
	@cargo run --release --quiet -p meetme-journey -- down

test:
	@scripts/test.sh

bench:
	@scripts/install-packages.sh build lab test
	@scripts/prepare-frr.sh
	cargo build --release -p meetme -p meetme-lab
	rm -f target/figures/bench.jsonl
	cargo bench -p meetme-edge --bench render
	cargo bench -p meetme-edge --bench bmp
	cargo bench -p meetme-edge --bench frr
	cargo bench -p meetme-journey --bench api
	cargo bench -p meetme-journey --bench portal
	cargo run --release -p meetme-journey -- bench
	cargo run --release --quiet -p meetme-figures

figures:
	@cargo run --release --quiet -p meetme-figures

screenshots:
	@scripts/screenshots.sh

check:
	cargo xtask check
