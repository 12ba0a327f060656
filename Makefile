# SPDX-License-Identifier: GPL-2.0-or-later
# ocf-aws: native OCF resource agents for Pacemaker on AWS
#
#   make deps        install what is needed to build, test and run the lab
#   make             build the agents
#   make check       all tests; SANITIZE=1 builds and runs them with ASan and UBSan
#   make outage      a cluster with all agents, and AWS away for MINUTES (20)
#   make fuzz        libFuzzer on every parser, FUZZ_SECONDS each (30); FUZZ="ec2 dns" for some
#   make fuzz-coverage  the lines of the parsers that the targets reach
#   make faults      every agent, in every action, under every fault, in the lab (root);
#                    AGENT="..." ROW="..." for some, SANITIZE=1 or VALGRIND=1
#   make crash       every agent killed at every point, and all that may follow (root)
#   make chaos       a cluster with all agents under chaos, MINUTES (5) of two nodes, then of four;
#                    SEED repeats a schedule (root)
#   make demo        a VIP failing over on a real cluster in the lab (root)
#   make lint        style, banned calls, level order, static analysis
#   make install     DESTDIR, PREFIX and OCF_ROOT are honoured

VERSION  := 0.1.0
PREFIX   ?= /usr
OCF_ROOT ?= $(PREFIX)/lib/ocf
DATADIR  ?= $(PREFIX)/share
MANDIR   ?= $(DATADIR)/man
DESTDIR  ?=

# One word an agent.
AGENTS := route-table-vip transit-gateway-vip elastic-ip secondary-ip route53-record nlb-health-probe

CC      ?= cc
AR      ?= ar
CFLAGS  ?= -O2 -g
WERROR  ?= $(if $(CI),-Werror)
B       := build$(if $(SANITIZE),/sanitize)

PKGS      := pacemaker libqb libcurl libcrypto json-c libxml-2.0 libmnl

WARNINGS  := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wstrict-prototypes -Wmissing-prototypes \
             -Wpointer-arith -Wwrite-strings -Wundef
HARDEN    := -fstack-protector-strong -fPIE \
             $(if $(SANITIZE),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
comma     := ,
SANITIZER := $(if $(SANITIZE),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined \
             -fno-omit-frame-pointer)
# Expanded once, when something is compiled.
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)) -lresolv)$(PKG_LIBS)

ALL_CPPFLAGS = -D_GNU_SOURCE -DOCF_AWS_VERSION='"$(VERSION)"' -DPCMK_ALLOW_DEPRECATED=0 -Icommon \
               $(patsubst -I%,-isystem%,$(PKG_CFLAGS)) $(CPPFLAGS)
ALL_CFLAGS   = -std=gnu11 $(CFLAGS) $(WARNINGS) $(WERROR) $(HARDEN) $(SANITIZER)
ALL_LDFLAGS  = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

LIB      := $(B)/libocf-aws.a
LIB_OBJ  := $(patsubst common/%.c,$(B)/common/%.o,$(wildcard common/*.c))
PROGRAMS := $(AGENTS:%=$(B)/agents/%)
TESTS    := $(patsubst common/tests/%.c,$(B)/tests/%,$(wildcard common/tests/test_*.c))
TOOLS    := $(patsubst common/tests/%.c,$(B)/tests/%,$(wildcard common/tests/tool_*.c))

# What tests share: the files beside them that are no programs.
TEST_LIB := $(B)/libtests.a
TEST_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out common/tests/test_% common/tests/tool_% \
              common/tests/fuzz_%,$(wildcard common/tests/*.c)))

# V=1 shows the commands.
ifeq ($(V),1)
QUIET = @:
else
QUIET = @printf '  %-5s %s\n'
.SILENT:
endif

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps install uninstall check valgrind lint demo bench faults crash clean tests man

all: $(PROGRAMS)

$(B)/pkg-config: Makefile
	@mkdir -p $(@D)
	@for p in $(PKGS); do pkg-config --exists $$p || { \
	    echo "missing: the development package of $$p (pkg-config finds no $$p.pc); run: make deps" >&2; \
	    exit 1; }; done
	@touch $@

$(B)/%.o: %.c $(B)/pkg-config
	@mkdir -p $(@D)
	$(QUIET) CC $<
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_OBJ)
$(TEST_LIB): $(TEST_OBJ)
$(LIB) $(TEST_LIB):
	@rm -f $@
	$(QUIET) AR $@
	$(AR) rcs $@ $^

# Renamed into place: a cluster may be running the old one.
$(B)/agents/%: $(B)/agents/%.o $(LIB)
	$(QUIET) LD $@
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@.new $< $(LIB) $(PKG_LIBS)
	@mv -f $@.new $@

$(B)/tests/%: $(B)/common/tests/%.o $(TEST_LIB) $(LIB)
	@mkdir -p $(@D)
	$(QUIET) LD $@
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(TEST_LIB) $(LIB) $(PKG_LIBS) \
	    $(shell pkg-config --libs cmocka libssl)

tests: $(TESTS) $(TOOLS)

# --- fuzzing ---------------------------------------------------------------------------------

# Everything is built anew for libFuzzer, in directories of its own.
FUZZ         := $(patsubst common/tests/fuzz_%.c,%,$(wildcard common/tests/fuzz_*.c))
FUZZ_SECONDS ?= 30
FUZZ_BUILD   := build/fuzz
FUZZ_COVER   := build/fuzz-coverage
FUZZ_ENGINE  := -fsanitize=fuzzer
FUZZ_CHECKS  := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
                -fno-omit-frame-pointer
FUZZ_COUNTS  := -fprofile-instr-generate -fcoverage-mapping
FUZZ_MAKE     = $(SUBMAKE) SANITIZE=1 CC=clang FUZZ="$(FUZZ)"

.PHONY: fuzz fuzz-build fuzz-coverage fuzz-programs

$(B)/tests/fuzz_%: $(B)/common/tests/fuzz_%.o $(TEST_LIB) $(LIB)
	@mkdir -p $(@D)
	$(QUIET) LD $@
	$(CC) $(ALL_CFLAGS) $(FUZZ_ENGINE) $(ALL_LDFLAGS) -o $@ $< $(TEST_LIB) $(LIB) $(PKG_LIBS) \
	    $(shell pkg-config --libs cmocka)

fuzz-programs: $(FUZZ:%=$(B)/tests/fuzz_%)

fuzz-build:
	$(FUZZ_MAKE) B=$(FUZZ_BUILD) SANITIZER="-fsanitize=fuzzer-no-link $(FUZZ_CHECKS)" fuzz-programs

fuzz: deps
	$(MAKE) --no-print-directory fuzz-build
	$(PYTHON_RUN) cts/fuzz.py --programs $(FUZZ_BUILD)/tests --seconds $(FUZZ_SECONDS) $(FUZZ)

fuzz-coverage: deps
	$(FUZZ_MAKE) B=$(FUZZ_COVER) SANITIZER="-fsanitize=fuzzer-no-link $(FUZZ_COUNTS)" fuzz-programs
	$(PYTHON_RUN) cts/fuzz.py --programs $(FUZZ_COVER)/tests --coverage $(FUZZ)

# --- documentation ---------------------------------------------------------------------------

MANS := $(AGENTS:%=$(B)/man/ocf_aws_%.7) $(AGENTS:%=$(B)/man/ja/ocf_aws_%.7)

# The metadata names its DTD; --novalid keeps xsltproc from looking for it.
$(B)/man/ocf_aws_%.7: $(B)/agents/% xml/man.xsl
	@mkdir -p $(@D)
	$< meta-data | xsltproc --novalid --nonet -o $@ xml/man.xsl -

$(B)/man/ja/ocf_aws_%.7: $(B)/agents/% xml/man.xsl
	@mkdir -p $(@D)
	$< meta-data | xsltproc --novalid --nonet --stringparam lang ja -o $@ xml/man.xsl -

man: $(MANS)

# --- installation ----------------------------------------------------------------------------

AGENT_DIR := $(DESTDIR)$(OCF_ROOT)/resource.d/aws

install: all man
	install -d $(AGENT_DIR) $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(MANDIR)/ja/man7 \
	    $(DESTDIR)$(DATADIR)/ocf-aws/iam $(DESTDIR)$(DATADIR)/ocf-aws/scenarios
	install -m 755 $(PROGRAMS) $(AGENT_DIR)
	install -m 644 $(filter $(B)/man/ocf_%,$(MANS)) $(DESTDIR)$(MANDIR)/man7
	install -m 644 $(filter $(B)/man/ja/%,$(MANS)) $(DESTDIR)$(MANDIR)/ja/man7
	install -m 644 $(AGENTS:%=xml/iam/%.json) $(DESTDIR)$(DATADIR)/ocf-aws/iam
	install -m 644 $(wildcard xml/scenarios/*.xml xml/scenarios/*.conf) $(DESTDIR)$(DATADIR)/ocf-aws/scenarios
	install -m 755 $(wildcard xml/scenarios/*.sh) $(DESTDIR)$(DATADIR)/ocf-aws/scenarios

uninstall:
	rm -f $(AGENTS:%=$(AGENT_DIR)/%) \
	    $(AGENTS:%=$(DESTDIR)$(MANDIR)/man7/ocf_aws_%.7) \
	    $(AGENTS:%=$(DESTDIR)$(MANDIR)/ja/man7/ocf_aws_%.7)
	rm -rf $(DESTDIR)$(DATADIR)/ocf-aws
	-rmdir $(AGENT_DIR)

# --- tests -----------------------------------------------------------------------------------

# A make of its own, as wide as the machine unless the user said how wide.
SUBMAKE    = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
PYTHON_RUN := PYTHONPATH=cts .venv/bin/python

deps:
	cts/deps

# deps first, in a make of its own: what follows looks at what it installs.
check: deps
	$(SUBMAKE) tests all man
	$(MAKE) --no-print-directory fuzz-build
	OCF_AWS_BUILD=$(abspath $(B)) .venv/bin/python cts/check.py --report $(B)/check/pytest.xml $(PYTEST) $(TESTS)

# Four nodes with all agents, without AWS for so long, and then throttled for as long again.
outage: MINUTES ?= 20

.PHONY: outage
outage: deps
	$(SUBMAKE) all
	OUTAGE_NODES=4 OUTAGE_MINUTES=$(MINUTES) OCF_AWS_BUILD=$(abspath $(B)) $(PYTHON_RUN) -m pytest -q -rP \
	    cts/test_cluster_outage.py

valgrind: deps
	$(SUBMAKE) tests
	.venv/bin/python cts/check.py --only-unit --report $(B)/check/valgrind.xml --wrapper \
	    "valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect \
	    --errors-for-leak-kinds=definite,indirect" \
	    $(TESTS)

# --- style and static analysis ----------------------------------------------------------------

C_FILES := $(wildcard common/*.[ch] common/tests/*.[ch] agents/*.c)
LINTS   := lint-format lint-rules lint-tidy lint-analyzer lint-cppcheck lint-shell lint-python

.PHONY: $(LINTS)

# `make -k lint` goes on after the first complaint.
lint: deps
	$(MAKE) --no-print-directory $(LINTS)

lint-format:
	clang-format --dry-run -Werror $(C_FILES)

lint-rules:
	$(PYTHON_RUN) -m lint

# Tests replace functions of libraries, which is what the analysers warn of.
lint-tidy: $(B)/pkg-config
	$(PYTHON_RUN) -m lint.tidy $(wildcard common/*.c agents/*.c) -- -std=gnu11 $(ALL_CPPFLAGS)

# gcc's own analyser, over what has changed; it finds the same at any level of optimisation, at none
# the soonest.
ANALYZED := $(patsubst %.c,build/analyzer/%.o,$(wildcard common/*.c agents/*.c))

build/analyzer/%.o: %.c $(B)/pkg-config
	@mkdir -p $(@D)
	@gcc $(ALL_CPPFLAGS) -std=gnu11 -O0 -fanalyzer -Werror -MMD -MP -c -o $@ $<

lint-analyzer:
	$(SUBMAKE) $(ANALYZED)

lint-cppcheck:
	cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --std=c11 \
	    --inline-suppr -D_GNU_SOURCE -Icommon common/*.c agents

lint-shell:
	git ls-files -z | xargs -0 grep -lIE '^#! ?/bin/(ba|da)?sh' -- | xargs -r shellcheck

lint-python:
	.venv/bin/ruff check --quiet
	.venv/bin/ruff format --check --quiet

demo: deps
	$(SUBMAKE) all
	$(PYTHON_RUN) cts/demo.py

.PHONY: chaos
chaos: MINUTES ?= 5
chaos: deps
	$(SUBMAKE) all
	OCF_AWS_BUILD=$(abspath $(B)) $(PYTHON_RUN) -m chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))

bench: deps
	$(SUBMAKE) all
	$(PYTHON_RUN) cts/bench.py

# The whole fault matrix; what it has found is in $(B)/faults.
faults: deps
	$(SUBMAKE) all
	OCF_AWS_BUILD=$(abspath $(B)) $(PYTHON_RUN) cts/matrix.py --agents "$(AGENT)" --rows "$(ROW)" \
	    $(if $(VALGRIND),--under valgrind)

crash: ROW = $(foreach end,K1 K2,$(foreach action,start stop repair leave finish,$(end)-$(action)-all))
crash: faults

clean:
	rm -rf build
-include $(wildcard $(B)/common/*.d $(B)/common/tests/*.d $(B)/agents/*.d)
-include $(wildcard build/analyzer/common/*.d build/analyzer/agents/*.d)
