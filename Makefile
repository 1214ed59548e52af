# Quern. `make`, `make test`, `make MODE=asan test`. Everything built goes to build/$(MODE)/.
# -Werror only in `make check`: a new compiler's warning must not break a user's build.
MODE    ?= release
CC      ?= cc
RE2C    ?= re2c
LEMON   ?= lemon
B       := build/$(MODE)
MODULES := common types storage vector parser catalog planner executor session

CFLAGS_debug   := -O0 -g
CFLAGS_release := -O3 -g -DNDEBUG
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
CFLAGS_tsan    := -O1 -g -fsanitize=thread
CFLAGS_cov     := -O0 -g --coverage
CFLAGS_tiny    := $(CFLAGS_asan) -DBATCH_ROWS=3
CFLAGS_fuzz    := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
CFLAGS_werror  := -O1 -Werror
CFLAGS_werror-clang := -O1 -Werror
PREFIX  ?= /usr/local
LDFLAGS_asan   := -fsanitize=address,undefined
LDFLAGS_tsan   := -fsanitize=thread
LDFLAGS_fuzz   := -fsanitize=fuzzer,address,undefined
LDFLAGS_cov    := --coverage
LDFLAGS_tiny   := $(LDFLAGS_asan)

PKGS      := liblz4 icu-uc icu-i18n
PKG_CF     = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   = $(shell pkg-config --libs $(PKGS))
CMOCKA_CF  = $(shell pkg-config --cflags cmocka)
CMOCKA_LIB = $(shell pkg-config --libs cmocka)

# gcc does not see that QN_OK from a function means that its out parameters are set.
WARN := -Wall -Wextra $(if $(findstring clang,$(shell $(CC) --version)),,-Wno-maybe-uninitialized)
override CFLAGS += -std=gnu11 -D_GNU_SOURCE $(WARN) -MMD -MP -fPIC -fvisibility=hidden \
                   -ffp-contract=off -fno-math-errno -fno-strict-aliasing -pthread \
                   -Iinclude -I. -I$(B)/gen $(CFLAGS_$(MODE))
LIBS = $(PKG_LIBS) -lstemmer -lm -pthread

SRCS   := $(foreach m,$(MODULES),$(sort $(wildcard $(m)/*.c)))
GEN    := $(if $(wildcard parser/grammar.y),$(B)/gen/grammar.o) $(if $(wildcard parser/lexer.re),$(B)/gen/lexer.o)
O      := $(B)/obj
OBJS   := $(SRCS:%.c=$(O)/%.o) $(GEN)
TESTS  := $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/*_test.c))) $(B)/tests/torture_test $(B)/tests/docs_test
GENHDR := $(if $(wildcard parser/grammar.y),$(B)/gen/grammar.h)

all: $(B)/libquern.a $(B)/libquern.so $(if $(wildcard parser/grammar.y),$(B)/quern $(B)/sqllogictest)

$(B)/libquern.a: $(OBJS)
	@rm -f $@
	$(AR) rcs $@ $^
$(B)/libquern.so: $(OBJS) include/quern.map
	$(CC) -shared $(LDFLAGS_$(MODE)) -Wl,-soname,libquern.so.0 -Wl,--version-script=include/quern.map -o $@ $(OBJS) $(LIBS)
$(B)/quern: $(patsubst %.c,$(O)/%.o,$(wildcard shell/*.c)) $(B)/libquern.a
	$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS) -ledit
$(B)/sqllogictest: $(patsubst %.c,$(O)/%.o,$(wildcard sqllogictest/*.c)) $(B)/libquern.a
	$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS) -ldl

# A unit test links the whole library; only what it calls is pulled in, so a module can be tested
# while those above it do not build yet: `make MODE=debug build/debug/tests/arena_test`.
$(B)/tests/%: $(O)/tests/%.o $(B)/libquern.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS) $(CMOCKA_LIB)
# The fault campaign: `make torture`, for an hour or TORTURE_SECONDS; without arguments a short run, one of the suites.
$(B)/tests/torture_test: $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/torture/*.c))) $(B)/libquern.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS)
# The reference: `make docs` writes docs/reference; as a suite it says where that is out of date, and runs every example.
$(B)/tests/docs_test: $(patsubst %.c,$(O)/%.o,$(sort $(wildcard docs/*.c))) $(B)/libquern.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS)
docs: $(B)/tests/docs_test
	$< --write
TORTURE_SECONDS ?= 3600
torture: $(B)/tests/torture_test
	$< $(TORTURE_SECONDS) $(TORTURE_SEED)
ENDURANCE_SECONDS ?= 3600
endurance: $(B)/tests/endurance_test
	$< $(ENDURANCE_SECONDS)
# Fuzzing by clang's libFuzzer: `make fuzz` runs each target for FUZZ_SECONDS, with the SQL of CORPORA as seeds; what it finds and learns stays
# in build/fuzz.
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_SECONDS ?= 60
CORPORA ?= ../shared/corpora
$(B)/fuzz/%: $(O)/tests/fuzz/%.o $(B)/libquern.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS)
fuzz:
	$(MAKE) MODE=fuzz CC="$(or $(FUZZ_CC),clang)" fuzz-run
fuzz-run: $(FUZZERS)
	@[ -d build/fuzz/seeds ] || tests/fuzz/seeds.sh $(CORPORA) build/fuzz/seeds
	@for f in $^; do n=$$(basename $$f); mkdir -p build/fuzz/corpus/$$n; echo "$$n"; \
	    $$f -max_total_time=$(FUZZ_SECONDS) -max_len=4096 -timeout=20 -rss_limit_mb=4096 -artifact_prefix=build/fuzz/$$n- -verbosity=0 -print_final_stats=1 \
	        build/fuzz/corpus/$$n $$([ $$n = fuzz_file ] || echo build/fuzz/seeds) || exit 1; done
$(O)/tests/%.o: tests/%.c | $(GENHDR)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CMOCKA_CF) -c $< -o $@
$(O)/%.o: %.c | $(GENHDR)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PKG_CF) -c $< -o $@
$(B)/gen/%.o: $(B)/gen/%.c
	$(CC) $(CFLAGS) -Wno-unused-parameter -Wno-unused-variable -Wno-unused-but-set-variable -c $< -o $@
$(B)/gen/lexer.c: parser/lexer.re $(B)/gen/grammar.h
	$(RE2C) -W -Werror --no-generation-date -o $@ $<
$(B)/gen/grammar.c $(B)/gen/grammar.h &: parser/grammar.y
	@mkdir -p $(@D)
	$(LEMON) -q -d$(@D) $<

# Measures the storage layer alone: `make build/release/bench/storage_bench`.
$(B)/bench/%_bench: bench/%_bench.c $(B)/libquern.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(PKG_CF) $(LDFLAGS_$(MODE)) -o $@ $< $(B)/libquern.a $(LIBS)

# Measures Quern beside SQLite, DuckDB and PostgreSQL: `make bench`, `make bench BENCH_ARGS="--rows 1000000"`.
BENCH_SRCS := $(filter-out %_bench.c,$(sort $(wildcard bench/*.c)))
$(B)/bench/bench: $(BENCH_SRCS:%.c=$(O)/%.o) $(B)/libquern.a
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_$(MODE)) -o $@ $^ $(LIBS) -ldl
bench: $(B)/bench/bench
	bench/run.sh $(abspath $<) $(BENCH_ARGS)

# ---- tests ----

# One line a suite; a failing suite prints its log. TEST_ARGS go to every suite.
unit: $(TESTS)
	@failed=0; for t in $^; do \
	    if timeout 600 $$t >$$t.log 2>&1; then echo "ok   $$(basename $$t)"; \
	    else tail -60 $$t.log; echo "FAIL $$(basename $$t)"; failed=1; fi; done; exit $$failed
slt: $(B)/sqllogictest
	$(B)/sqllogictest -j 2 --show 5 $(sort $(wildcard sqllogictest/*/))
test: deps
	$(MAKE) unit slt
check-asan:
	$(MAKE) MODE=asan unit slt
check-tsan:
	TSAN_OPTIONS=halt_on_error=1 $(MAKE) MODE=tsan unit
# Warnings are errors here only, with both compilers.
check-warnings:
	$(MAKE) MODE=werror CC=gcc all tests
	$(MAKE) MODE=werror-clang CC=clang all tests
check: check-warnings headers test check-asan check-tsan
tests: $(TESTS)
coverage:
	$(MAKE) MODE=cov unit slt
	@gcov -n $(SRCS:%.c=build/cov/%.gcda) 2>/dev/null | grep -A1 "^File '[a-z]*/" | paste - - - | \
	    sed "s/^File '\([^']*\)'.*executed:\([0-9.]*%\) of \([0-9]*\).*/\2 of \3 lines  \1/" | sort -n

# ---- the rest ----

deps:
	@.ci/deps
# Builds, loads a small database and runs three queries on it; `build/release/quern build/demo.quern` goes on from there.
demo: deps
	$(MAKE) all
	@rm -f build/demo.quern build/demo.quern-wal
	$(B)/quern -q -v ON_ERROR_STOP=1 -f shell/demo/company.sql build/demo.quern
	$(B)/quern -v ON_ERROR_STOP=1 -f shell/demo/tour.sql build/demo.quern
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib $(DESTDIR)$(PREFIX)/include
	install -m 755 $(B)/quern $(B)/sqllogictest $(DESTDIR)$(PREFIX)/bin/
	install -m 644 include/quern.h $(DESTDIR)$(PREFIX)/include/
	install -m 644 $(B)/libquern.a $(DESTDIR)$(PREFIX)/lib/
	install -m 755 $(B)/libquern.so $(DESTDIR)$(PREFIX)/lib/libquern.so.0
	ln -sf libquern.so.0 $(DESTDIR)$(PREFIX)/lib/libquern.so
clean:
	rm -rf build
fmt:
	clang-format -i $(foreach m,$(MODULES) shell sqllogictest tests bench docs,$(wildcard $(m)/*.[ch]))
headers: $(GENHDR)   # every header compiles on its own
	@for h in include/quern.h $(foreach m,$(MODULES),$(wildcard $(m)/*.h)); do \
	    $(CC) $(filter-out -MMD -MP,$(CFLAGS)) $(PKG_CF) -Wno-unused-function -fsyntax-only -x c $$h || exit 1; done

.PHONY: all unit slt test tests check check-asan check-tsan check-warnings torture endurance fuzz fuzz-run coverage bench docs deps demo install clean fmt headers
-include $(OBJS:.o=.d) $(TESTS:$(B)/tests/%=$(O)/tests/%.d) $(patsubst %.c,$(O)/%.d,$(wildcard shell/*.c sqllogictest/*.c bench/*.c docs/*.c tests/torture/*.c))
