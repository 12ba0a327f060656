# SPDX-License-Identifier: GPL-2.0-or-later
# ocf-aws: native OCF resource agents for Pacemaker on AWS
#
#   make deps        install what is needed to build, test and run the lab
#   make             build the agents
#   make check       all tests; SANITIZE=1 builds and runs them with ASan and UBSan
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
AGENTS := route-table-vip

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
PKG_LIBS   = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

ALL_CPPFLAGS = -D_GNU_SOURCE -DOCF_AWS_VERSION='"$(VERSION)"' -DPCMK_ALLOW_DEPRECATED=0 -Icommon \
               $(patsubst -I%,-isystem%,$(PKG_CFLAGS)) $(CPPFLAGS)
ALL_CFLAGS   = -std=gnu11 $(CFLAGS) $(WARNINGS) $(WERROR) $(HARDEN) $(SANITIZER)
ALL_LDFLAGS  = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

LIB      := $(B)/libocf-aws.a
LIB_OBJ  := $(patsubst common/%.c,$(B)/common/%.o,$(wildcard common/*.c))
PROGRAMS := $(AGENTS:%=$(B)/agents/%)
TESTS    := $(patsubst common/tests/%.c,$(B)/tests/%,$(wildcard common/tests/test_*.c))
TOOLS    := $(patsubst common/tests/%.c,$(B)/tests/%,$(wildcard common/tests/tool_*.c))

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all deps install uninstall check lint demo clean tests

all: $(PROGRAMS)

$(B)/pkg-config: Makefile
	@mkdir -p $(@D)
	@for p in $(PKGS); do pkg-config --exists $$p || { \
	    echo "missing: the development package of $$p (pkg-config finds no $$p.pc); run: make deps" >&2; \
	    exit 1; }; done
	@touch $@

$(B)/%.o: %.c $(B)/pkg-config
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/agents/%: $(B)/agents/%.o $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(PKG_LIBS)

$(B)/tests/%: $(B)/common/tests/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $< $(LIB) $(PKG_LIBS) $(shell pkg-config --libs cmocka)

tests: $(TESTS) $(TOOLS)

clean:
	rm -rf build

-include $(wildcard $(B)/common/*.d $(B)/common/tests/*.d $(B)/agents/*.d)
