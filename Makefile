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

# Always the same packages: with others, cargo builds what they share with other features, anew.
BENCHED = -p meetme -p meetme-lab -p meetme-journey -p meetme-edge -p meetme-figures

bench:
	@scripts/install-packages.sh build lab test
	@scripts/prepare-frr.sh
	cargo build --release $(BENCHED) --bins --bench '*'
	rm -f target/figures/bench.jsonl
	cargo bench $(BENCHED) --bench render
	cargo bench $(BENCHED) --bench bmp
	cargo bench $(BENCHED) --bench frr
	cargo bench $(BENCHED) --bench api
	cargo bench $(BENCHED) --bench portal
	$${CARGO_TARGET_DIR:-target}/release/meetme-journey bench
	@$${CARGO_TARGET_DIR:-target}/release/meetme-figures

figures:
	@cargo run --release --quiet -p meetme-figures

screenshots:
	@scripts/screenshots.sh

check:
	cargo xtask check
