# Thread counts: the machine's cores are shared by what runs here, so nothing spins on them.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

.PHONY: help setup java demo serve test check docs fix bench clean $(addprefix bench-,text quality normaliser language rules ledger score live-features sql-features spark feast guarantee gate prevalence raters fairness explanations evaluation actors banks simulation campaigns coordination ira shared-history worker judge api access observing versions live faults)

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

setup: $(READY)  ## a .venv with everything

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@sh deploy/java.sh
	@touch $(READY)

java:  ## Java for --engine spark, where none is
	@sh deploy/java.sh

demo: $(READY)  ## train, evaluate, decide and report on the packs
	$(BIN)/gatehouse demo

serve: $(READY)  ## the API on this machine; the first start prints a key
	$(BIN)/gatehouse serve

test: $(READY)  ## all tests
	$(BIN)/pytest -n 2 --dist loadgroup

check: $(READY)  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)  ## write the pages that code writes
	GATEHOUSE_WRITE_DOCS=1 $(BIN)/pytest -q tests/flows/test_one_event.py

fix: $(READY)  ## mend format and lint where a machine can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: bench-text bench-quality bench-normaliser bench-language bench-rules bench-ledger bench-score bench-live-features bench-sql-features bench-spark bench-feast bench-guarantee bench-gate bench-prevalence bench-raters bench-fairness bench-explanations bench-evaluation bench-actors bench-banks bench-simulation bench-coordination bench-campaigns bench-ira bench-shared-history bench-worker bench-judge bench-api bench-access bench-observing bench-versions bench-live bench-faults  ## all benchmarks

bench-quality: $(READY)  ## linear detectors against TF-IDF + logistic regression, paired
	$(BIN)/python benchmarks/quality.py

bench-text: $(READY)  ## speed and size of the linear detector
	$(BIN)/python benchmarks/text.py

bench-normaliser: $(READY)  ## recall under obfuscation, false positives added
	$(BIN)/python benchmarks/normaliser.py

bench-language: $(READY)  ## who is taken for another language
	$(BIN)/python benchmarks/language.py

bench-rules: $(READY)  ## evaluations of 200 rules a second
	$(BIN)/python benchmarks/rules.py

bench-ledger: $(READY)  ## commits a second, and what durability costs
	$(BIN)/python benchmarks/ledger.py

bench-score: $(READY)  ## a million texts through all packs
	$(BIN)/python benchmarks/score.py

bench-live-features: $(READY)  ## windowed features live: events a second, one event, bytes an actor
	$(BIN)/python benchmarks/live_features.py

bench-sql-features: $(READY)  ## windowed features by SQL: time, memory, growth
	$(BIN)/python benchmarks/sql_features.py

bench-spark: $(READY)  ## batch scoring on Spark against the local way
	$(BIN)/python benchmarks/spark.py

bench-feast: $(READY)  ## live reads and point-in-time joins against Feast, in an environment of its own
	$(BIN)/python benchmarks/feast.py

bench-guarantee: $(READY)  ## how often a promised precision is broken
	$(BIN)/python benchmarks/guarantee.py

bench-gate: $(READY)  ## what the gate catches, and whom it refuses wrongly
	$(BIN)/python benchmarks/gate.py

bench-prevalence: $(READY)  ## coverage and labels of prevalence intervals at .1 %
	$(BIN)/python benchmarks/prevalence.py

bench-raters: $(READY)  ## agreement of raters, Dawid–Skene against votes
	$(BIN)/python benchmarks/raters.py

bench-fairness: $(READY)  ## texts that mention a group: templates and swaps
	$(BIN)/python benchmarks/fairness.py

bench-explanations: $(READY)  ## character spans of a decision against those that people marked
	$(BIN)/python benchmarks/explanations.py

bench-evaluation: $(READY)  ## how long figures take: a full report, a million answers
	$(BIN)/python benchmarks/evaluation.py

bench-actors: $(READY)  ## actor detectors against LightGBM as it comes, paired; microseconds a row
	$(BIN)/python benchmarks/actors.py
	$(BIN)/python benchmarks/few_events.py

bench-banks: $(READY)  ## a million image hashes, near-duplicates: found, time, memory
	$(BIN)/python -m benchmarks.banks

bench-simulation: $(READY)  ## simulated weeks: time, memory, against one object an event
	$(BIN)/python benchmarks/simulation.py

bench-coordination: $(READY)  ## campaigns in a million events: time, memory, growth
	$(BIN)/python benchmarks/coordination.py

bench-campaigns: $(READY)  ## 500 planted campaigns and benign crowds: found, wrongly found
	$(BIN)/python benchmarks/campaigns.py

bench-ira: $(READY)  ## the six roles of a known operation: found by coordination alone
	$(BIN)/python benchmarks/ira.py

bench-shared-history: $(READY)  ## the history shared by Redis: events a second, round trips, bytes an actor
	$(BIN)/python benchmarks/shared_history.py

bench-worker: $(READY)  ## the stream worker: events a second in memory and with the ledger, and two of them at once
	$(BIN)/python benchmarks/worker.py --processes 2

bench-judge: $(READY)  ## deciding stage by stage, batches of 1 to 500
	$(BIN)/python benchmarks/judge.py

bench-api: $(READY)  ## what HTTP costs beside deciding
	$(BIN)/python benchmarks/api.py

bench-access: $(READY)  ## what the door of the API takes of a request
	$(BIN)/python benchmarks/access.py

bench-observing: $(READY)  ## what metrics take of a batch and of a request
	$(BIN)/python benchmarks/observing.py

bench-versions: $(READY)  ## false halts of canaries, how soon a bad one is halted, and what trying costs
	cd benchmarks && ../$(BIN)/python versions.py

bench-live: $(READY)  ## HTTP under load: latencies, lists, overload, and ten minutes' soak
	$(BIN)/python -m benchmarks.live --soak 600

bench-faults: $(READY)  ## 500 kills, and what was lost or repeated
	$(BIN)/python -m benchmarks.faults

clean:  ## remove what was made here
	rm -rf .venv .gatehouse demo-output .mypy_cache .ruff_cache .pytest_cache
	find src -name __pycache__ -type d -exec rm -rf {} +
