# Two commands matter: make run shows Propusk at work, make test proves it.
# ARGS goes to the program, for example: make run ARGS="--base-port 9000"

.PHONY: run test check bench load gallery build

run: bin/propusk
	@exec bin/propusk demo $(ARGS)

# Everything: the checks, and the tests with private PostgreSQL and Redis servers on free ports.
# INSTALL=1 installs missing Debian packages, REQUIRE=1 makes a skip fail.
test:
	@go run ./cmd/internal/maketest test $(ARGS)

# The part that needs no server.
check:
	@go run ./cmd/internal/maketest check $(ARGS)

# Go benchmarks of the hot path, on SQLite and on PostgreSQL with Redis.
bench:
	@go run ./cmd/internal/maketest bench $(ARGS)

# The provider as shipped, on private PostgreSQL and Redis servers, under load.
load: build
	@bin/propusk-load rig $(ARGS)

# All pages in all their states, as files under gallery/ or, with ARGS="--listen localhost:8099", in a browser.
gallery: build
	@bin/propuskctl gallery $(or $(ARGS),--out gallery)

build: bin/propusk
	@go build -o bin/ ./cmd/propuskctl ./cmd/propusk-load ./cmd/propusk-hash

# go build knows best what is out of date.
.PHONY: bin/propusk
bin/propusk:
	@go build -o bin/ ./cmd/propusk
