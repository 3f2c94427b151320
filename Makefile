# SPDX-License-Identifier: GPL-2.0-or-later
# The only build file. Knobs:
#   V=1                     show the commands
#   W=1                     more warnings, and every warning is an error (what CI builds with)
#   SAN=address,undefined   sanitizers; objects go to build/san-address-undefined/
#   CC=clang                another compiler
#   STRIP=no                debug information stays in lifeboat-init: for packages, which take it out themselves
# Targets: all, check (all of: lint, unit, described, plans, people, records, drill, html, web, sanitizers, threads, fuzz, packages,
#          system), drills, support-matrix, fidelity, demo, install, uninstall, deb, clean.

VERSION := 0.1.0
CC      ?= gcc
CFLAGS  ?= -O2 -g
DESTDIR ?=
PYTHON  ?= /usr/bin/python3

# Where things are installed, each below DESTDIR: GNU's names (PREFIX is prefix) and those that packagers use. /etc and
# /var are where the programs look, whatever the prefix is.
PREFIX          ?= /usr
prefix          ?= $(PREFIX)
sbindir         ?= $(prefix)/sbin
libexecdir      ?= $(prefix)/lib
datadir         ?= $(prefix)/share
mandir          ?= $(datadir)/man
docdir          ?= $(datadir)/doc/lifeboat
sysconfdir      := /etc
localstatedir   := /var
unitdir         ?= $(prefix)/lib/systemd/system
generatordir    ?= $(prefix)/lib/systemd/system-generators
catalogdir      ?= $(prefix)/lib/systemd/catalog
tmpfilesdir     ?= $(prefix)/lib/tmpfiles.d
udevrulesdir    ?= $(prefix)/lib/udev/rules.d
kernelplugindir ?= $(prefix)/lib/kernel/install.d
bashcompdir     ?= $(datadir)/bash-completion/completions
zshcompdir      ?= $(datadir)/zsh/site-functions
fishcompdir     ?= $(datadir)/fish/vendor_completions.d
pkglibexecdir   := $(libexecdir)/lifeboat
pkgdatadir      := $(datadir)/lifeboat

comma := ,
BUILD := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
OBJ   := $(BUILD)/obj
Q     := $(if $(V),,@)

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wundef -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-align -Wwrite-strings -Wframe-larger-than=16384
WARN += $(if $(W),-Wconversion -Wno-sign-conversion -Wswitch-enum -Werror)
ALL_CPPFLAGS := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DLIFEBOAT_VERSION='"$(VERSION)"' \
	-DLIFEBOAT_LIBEXEC='"$(pkglibexecdir)"' -DLIFEBOAT_SHARE='"$(pkgdatadir)"' $(CPPFLAGS)
HARDEN := -fstack-protector-strong $(if $(SAN)$(findstring _FORTIFY_SOURCE,$(CPPFLAGS) $(CFLAGS)),,-D_FORTIFY_SOURCE=2)
ALL_CFLAGS := -std=gnu11 $(WARN) $(HARDEN) -fno-common -ffunction-sections -fdata-sections \
	-pthread $(CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all)
ALL_LDFLAGS := -pthread -Wl,--gc-sections $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))

# rooms
CORE_SRC    := $(wildcard base/*.c format/*.c arch/*.c arch/*/*.c image/*.c filter/*.c crash/*.c)
CAPTURE_SRC := $(filter-out capture/init.c,$(wildcard capture/*.c storage/*.c net/*.c crypt/*.c)) send/job.c
# libcurl is below these, and below nothing but lifeboat-send
CURL_SRC    := $(addprefix send/,http.c https.c main.c put.c s3.c store.c)
SEND_SRC    := $(filter-out $(CURL_SRC) send/job.c,$(wildcard send/*.c))
HOST_SRC    := $(wildcard loader/*.c config/*.c initramfs/*.c service/*.c proof/*.c debuginfo/*.c report/*.c)
CMD_SRC     := $(wildcard cmd/*.c)
UNIT_SRC    := $(wildcard tests/unit/test_*.c)
FUZZ_SRC    := $(wildcard tests/fuzz/fuzz_*.c)

obj = $(patsubst %.c,$(OBJ)/%.o,$(1))
LIB_OBJ := $(call obj,$(CORE_SRC) $(CAPTURE_SRC) $(SEND_SRC) $(HOST_SRC))

# The purgatory is code of another machine, whatever this one is: without a compiler for x86_64 it is left out, and
# the programs know that (arch/x86_64/purgatory_blob.h). It is data of programs that load kernels only.
PURGATORY_CC  ?= $(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),$(CC),$(shell \
	command -v x86_64-linux-gnu-gcc))
PURGATORY_CC  := $(PURGATORY_CC)
PURGATORY     := $(OBJ)/arch/x86_64/purgatory
PURGATORY_BIN := $(BUILD)/purgatory-x86_64.bin
PURGATORY_OBJ := $(if $(PURGATORY_CC),$(PURGATORY)/blob.o)
LIB_OBJ += $(PURGATORY_OBJ)

# snappy is C++ inside: its shared library brings libstdc++ along, the static one has to be told.
CORE_LIBS   := -ldeflate -llzo2 -lsnappy -lzstd -lsodium
STATIC_LIBS := $(CORE_LIBS) -lstdc++
# An exception that nobody catches would be explained with the type's name: 53 KB of demangler that nobody reads.
STATIC_LDFLAGS := -Wl,--defsym=_ZN9__gnu_cxx27__verbose_terminate_handlerEv=abort
HOST_LIBS   := $(CORE_LIBS) -lkmod -lz -llzma -ljansson -ldw -lelf

PROGRAMS := $(BUILD)/lifeboat $(BUILD)/lifeboat-send $(if $(SAN),,$(BUILD)/lifeboat-init $(BUILD)/lab-guest \
	$(BUILD)/lab-saboteur $(BUILD)/lab-crowd)
UNITS    := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))

.PHONY: all judge check records unit unit-build sanitizers threads fuzz fuzzers described plans people drill html web lint system fidelity demo install clean \
	bench bench-build bench-codec drills support-matrix packages uninstall deb install-main install-drill installable installable-drill \
	completions FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS)

$(BUILD)/lifeboat: $(call obj,$(CMD_SRC)) $(LIB_OBJ)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS)

# Goes into the image of a capture with what it is linked with: it is stripped, as PID 1 is.
$(BUILD)/lifeboat-send: $(call obj,$(wildcard send/*.c base/*.c))
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(if $(filter no,$(STRIP))$(SAN),,-s) -o $@ $^ -lcurl

# Completion scripts, under the names that the shells look for.
COMPLETIONS := $(addprefix $(BUILD)/completions/,lifeboat.bash _lifeboat lifeboat.fish)
completions: $(COMPLETIONS)
$(BUILD)/completions/lifeboat.bash: SHELL_NAME := bash
$(BUILD)/completions/_lifeboat: SHELL_NAME := zsh
$(BUILD)/completions/lifeboat.fish: SHELL_NAME := fish
$(COMPLETIONS): $(BUILD)/lifeboat
	@mkdir -p $(@D)
	@echo "  GEN     $@"
	$(Q)$< completion $(SHELL_NAME) > $@

# PID 1 of the capture kernel: static, no host-only room in it, stripped because it lives in RAM.
STRIP ?= yes
$(BUILD)/lifeboat-init: $(call obj,capture/init.c $(CAPTURE_SRC) $(CORE_SRC))
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(STATIC_LDFLAGS) -static $(if $(filter no,$(STRIP)),,-s) \
		-o $@ $^ $(STATIC_LIBS)

$(BUILD)/lab-guest: $(call obj,lab/guest.c lab/guest_crasher.c lab/guest_deaths.c lab/guest_disks.c lab/guest_shape.c)
$(BUILD)/lab-saboteur: $(call obj,lab/saboteur.c)
$(BUILD)/lab-crowd: $(call obj,lab/crowd.c lab/crowd_kinds.c)
$(BUILD)/lab-guest $(BUILD)/lab-saboteur $(BUILD)/lab-crowd:
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -static -s -o $@ $^

# The lab's judge of page data, by libkdumpfile: for tests only, so `all` goes without that library.
judge: $(BUILD)/lab-judge $(BUILD)/lab-disk $(BUILD)/lab-btf $(if $(PURGATORY_CC),$(BUILD)/purgatory-stub.bin)
$(BUILD)/lab-judge: $(call obj,lab/judge.c) $(LIB_OBJ)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lkdumpfile $(HOST_LIBS)
$(BUILD)/lab-btf: $(call obj,lab/btf.c) $(LIB_OBJ)
$(BUILD)/lab-disk: $(call obj,lab/disk.c) $(LIB_OBJ)
$(BUILD)/lab-btf $(BUILD)/lab-disk:
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS)

$(OBJ)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Crash records of logs, for the databases of tests/records
$(BUILD)/records-make: $(call obj,tests/records/make.c) $(LIB_OBJ)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS)

# Whatever is made of these names is made anew when they change.
INSTALL_DIRS := prefix=$(prefix) sbindir=$(sbindir) libexecdir=$(libexecdir) datadir=$(datadir)
$(BUILD)/install-dirs: FORCE
	@mkdir -p $(@D)
	@echo '$(INSTALL_DIRS)' | cmp -s - $@ || echo '$(INSTALL_DIRS)' > $@
$(call obj,$(CMD_SRC)): $(BUILD)/install-dirs

# ---- the purgatory: nothing under it, no register that a kernel would have to set up first, no helper that a
# hardened compiler calls

PURGATORY_FLAGS := -m64 -std=gnu11 -O2 $(WARN) -I. -ffreestanding -fPIE -mcmodel=small -mno-red-zone \
	-mgeneral-regs-only -fno-stack-protector -fno-stack-clash-protection -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fvisibility=hidden -fno-common

$(PURGATORY)/%.o: arch/x86_64/purgatory/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(PURGATORY_CC) $(PURGATORY_FLAGS) -MMD -MP -c -o $@ $<
$(PURGATORY)/sha256.o: base/sha256.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $< (purgatory)"
	$(Q)$(PURGATORY_CC) $(PURGATORY_FLAGS) -MMD -MP -c -o $@ $<
$(PURGATORY)/entry.o: arch/x86_64/purgatory/entry.S Makefile
	@mkdir -p $(@D)
	@echo "  AS      $<"
	$(Q)$(PURGATORY_CC) $(PURGATORY_FLAGS) -MMD -MP -c -o $@ $<

# Linked at two addresses: binaries that differ have an address in them, which nobody would relocate.
PURGATORY_BASES := 0x0 0x123456789000
$(PURGATORY)/at-%.bin: arch/x86_64/purgatory/purgatory.lds $(addprefix $(PURGATORY)/,entry.o main.o sha256.o)
	$(Q)$(PURGATORY_CC) -m64 -nostdlib -static -Wl,--defsym=BASE=$* -Wl,--build-id=none \
		-Wl,--orphan-handling=error -Wl,--oformat=binary -Wl,-T,$< -o $@ $(filter %.o,$^)
$(PURGATORY_BIN): $(patsubst %,$(PURGATORY)/at-%.bin,$(PURGATORY_BASES))
	@echo "  LINK    $@"
	$(Q)cmp $^ || { echo "$@ is not position-independent" >&2; exit 1; }
	$(Q)cp $< $@

$(PURGATORY)/blob.o: arch/x86_64/purgatory/blob.S $(PURGATORY_BIN)
	@echo "  AS      $<"
	$(Q)$(CC) -DPURGATORY_BIN='"$(PURGATORY_BIN)"' -c -o $@ $<

# ---- tests; tests/check.py runs all of them and counts

# What stands on both sides of the purgatory in a virtual machine: tests/system/purgatory.py
$(BUILD)/purgatory-stub.bin: tests/system/purgatory_stub.S Makefile
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(PURGATORY_CC) -m64 -nostdlib -static -Wl,--build-id=none -Wl,-Ttext=0x100000 \
		-Wl,--oformat=binary -o $@ $<

# A hundred programs of which each wants a few objects: an archive, so that the linker need not take in all for each. The
# purgatory is a weak symbol of theirs (arch/x86_64/purgatory_blob.h), for which no linker looks into an archive.
$(BUILD)/libraries.a: $(LIB_OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcsT $@ $^

$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(BUILD)/libraries.a $(PURGATORY_OBJ)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(HOST_LIBS)

# It is run by this one
$(BUILD)/unit/test_target_web: | $(BUILD)/lifeboat-send

# A limit for what runs in threads and in little memory; sanitizers make a test of many small cases one large frame.
$(OBJ)/tests/unit/%.o: ALL_CFLAGS += -Wframe-larger-than=65536

# ThreadSanitizer is to look at the program; the tests compare gigabytes byte by byte, ten times slower
# under its eyes.
ifeq ($(SAN),thread)
$(OBJ)/tests/unit/%.o: ALL_CFLAGS += -fno-sanitize=thread
endif

unit-build: $(UNITS)

# Fuzzers are built by clang from the sources, not from the objects: they want its coverage hooks.
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZ_SRC))
FUZZ_LIB_SRC := $(CORE_SRC) $(CAPTURE_SRC) $(SEND_SRC) $(HOST_SRC)
FUZZ_OBJ := $(patsubst %.c,build/fuzz/obj/%.o,$(FUZZ_LIB_SRC))
FUZZ_CC  := clang -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -pthread

fuzzers: $(FUZZERS)

build/fuzz/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  FUZZ-CC $<"
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer-no-link $(ALL_CPPFLAGS) -MMD -MP -c -o $@ $<

build/fuzz/libraries.a: $(FUZZ_OBJ)
	@echo "  AR      $@"
	$(Q)rm -f $@ && $(AR) rcsT $@ $^

build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o build/fuzz/libraries.a $(PURGATORY_OBJ)
	@echo "  LINK    $@"
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer -o $@ $^ $(HOST_LIBS)

# Benchmarks are run by hand: make bench-codec VMCORE=a-dump
BENCHES := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))

$(BUILD)/bench/%: $(OBJ)/tests/bench/%.o $(LIB_OBJ)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS)

bench-build: $(BENCHES)
bench-codec: $(BUILD)/bench/codec_bench
	$(Q)$< $(VMCORE)

# The filter against makedumpfile: make bench, or make bench CASE="six-l-d1 sixtyfour"
$(BUILD)/bench/nosync.so: tests/bench/preload/nosync.c Makefile
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) -shared -fPIC -o $@ $<
bench: all $(BUILD)/bench/read_bench $(BUILD)/bench/nosync.so
	$(Q)$(PYTHON) -m lab bench $(CASE)

check:
	$(Q)$(PYTHON) tests/check.py
lint unit described plans people records drill html web sanitizers threads packages system:
	$(Q)$(PYTHON) tests/check.py build $@
# Much longer than the check's stage does: make fuzz FUZZ_SECONDS=3600 FUZZ="kdump flat"
FUZZ_SECONDS ?= 600
fuzz: fuzzers
	$(Q)$(PYTHON) tests/fuzz/run.py $(FUZZ_SECONDS) $(FUZZ)
# All levels of the matrix that the system stage takes a part of
fidelity: all judge
	$(Q)$(PYTHON) -m tests.system host --full fidelity
# What is run each night: make drills, or make drills DRILLS="deaths --kernel=own,bookworm-backports"
DRILLS ?= nightly
drills: all judge
	$(Q)$(PYTHON) -m lab.drill --out=$(BUILD)/drills $(DRILLS)
# Out of results, and of what docs/support-matrix.json has kept of earlier ones: make support-matrix RESULTS=build/drills/results.json
RESULTS ?= $(BUILD)/drills/results.json
support-matrix:
	$(Q)$(PYTHON) -m lab.drill.support --keep docs/support-matrix.json $(wildcard docs/support-matrix.json) $(RESULTS) \
		> $(BUILD)/support-matrix.md && cp $(BUILD)/support-matrix.md docs/
demo: all
	$(Q)$(PYTHON) -m lab demo

# ---- installation

# What names the program's place: service/units/*.in and service/kernel/*.in
UNIT_FILES := $(patsubst service/units/%.in,%,$(wildcard service/units/*.in))
HOOK_FILES := hook-postinst hook-postrm kernel-install
FROM_IN    := $(addprefix $(BUILD)/units/,$(UNIT_FILES)) $(addprefix $(BUILD)/kernel/,$(HOOK_FILES))
$(FROM_IN): $(BUILD)/%: service/%.in $(BUILD)/install-dirs
	@mkdir -p $(@D)
	$(Q)sed 's|@sbindir@|$(sbindir)|g' $< > $@

# mode:file:where to. `uninstall` goes by the same list.
INSTALLED := 755:$(BUILD)/lifeboat:$(sbindir)/lifeboat \
	755:$(BUILD)/lifeboat-init:$(pkglibexecdir)/lifeboat-init \
	755:$(BUILD)/lifeboat-send:$(pkglibexecdir)/lifeboat-send \
	$(foreach u,$(UNIT_FILES),644:$(BUILD)/units/$(u):$(unitdir)/$(u)) \
	644:service/units/tmpfiles.conf:$(tmpfilesdir)/lifeboat.conf \
	644:service/units/98-lifeboat.rules:$(udevrulesdir)/98-lifeboat.rules \
	644:service/units/lifeboat.catalog:$(catalogdir)/lifeboat.catalog \
	755:$(BUILD)/kernel/hook-postinst:$(sysconfdir)/kernel/postinst.d/zz-lifeboat \
	755:$(BUILD)/kernel/hook-postrm:$(sysconfdir)/kernel/postrm.d/zz-lifeboat \
	755:$(BUILD)/kernel/kernel-install:$(kernelplugindir)/95-lifeboat.install \
	644:$(BUILD)/completions/lifeboat.bash:$(bashcompdir)/lifeboat \
	644:$(BUILD)/completions/_lifeboat:$(zshcompdir)/_lifeboat \
	644:$(BUILD)/completions/lifeboat.fish:$(fishcompdir)/lifeboat.fish \
	$(foreach m,$(wildcard docs/man/*.[158]),644:$(m):$(mandir)/man$(subst .,,$(suffix $(m)))/$(notdir $(m))) \
	$(foreach d,README.md CHANGELOG.md $(filter-out docs/ARCHITECTURE.md,$(wildcard docs/*.md)),644:$(d):$(docdir)/$(notdir $(d))) \
	$(foreach d,$(wildcard docs/guides/*.md),644:$(d):$(docdir)/guides/$(notdir $(d))) \
	644:docs/lifeboat.conf.example:$(docdir)/lifeboat.conf.example

# What `lifeboat drill` takes besides, a package of its own: the lab without what only tests and benchmarks run, what runs in
# its guests, and a guide that a scenario follows.
LAB_OF_TESTS := $(addsuffix .py,$(addprefix lab/,__main__ bench big compare crowd demo diet drgn_look live looks pipe sides \
	stream synthetic whole $(addprefix judges/,pages postmortem stacks verdict)))
LAB_FILES    := $(filter-out $(LAB_OF_TESTS) %/__pycache__,$(wildcard $(addprefix lab/,*.py handover.config crasher/* drill/* \
	judges/*.py servers/*.py servers/s3/* world/*.py)) $(shell find lab/scenarios -name '*.toml')) docs/guides/boot-once.md
OF_DRILL     := 755:$(BUILD)/lab-guest:$(pkglibexecdir)/drill/lab-guest \
	755:$(BUILD)/lab-saboteur:$(pkglibexecdir)/drill/lab-saboteur \
	$(foreach f,$(LAB_FILES),644:$(f):$(pkgdatadir)/$(f))
DRILL_LINKS  := $(sbindir)/lifeboat $(pkglibexecdir)/lifeboat-init $(pkglibexecdir)/lifeboat-send

CONF      := $(sysconfdir)/lifeboat.conf
GENERATOR := $(generatordir)/lifeboat-generator
STATE_DIR := $(localstatedir)/lib/lifeboat
CRASH_DIR := $(localstatedir)/crash

# What `install` needs of the build.
installable: $(BUILD)/lifeboat $(BUILD)/lifeboat-init $(BUILD)/lifeboat-send $(FROM_IN) completions
installable-drill: $(BUILD)/lab-guest $(BUILD)/lab-saboteur

colon := :
define newline


endef
install_all = $(foreach f,$(1),$(Q)install -Dm$(word 1,$(subst $(colon), ,$(f))) \
		$(word 2,$(subst $(colon), ,$(f))) "$(DESTDIR)$(word 3,$(subst $(colon), ,$(f)))"$(newline)	)
remove_all = $(foreach f,$(1),$(Q)rm -f "$(DESTDIR)$(word 3,$(subst $(colon), ,$(f)))"$(newline)	)
install: install-main install-drill

install-main: installable
	$(call install_all,$(INSTALLED))
	$(Q)mkdir -p "$(DESTDIR)$(generatordir)" "$(DESTDIR)$(localstatedir)/lib"
	$(Q)ln -sfr "$(DESTDIR)$(sbindir)/lifeboat" "$(DESTDIR)$(GENERATOR)"
	$(Q)test -e "$(DESTDIR)$(CONF)" || install -Dm644 docs/lifeboat.conf.example "$(DESTDIR)$(CONF)"
	$(Q)test -d "$(DESTDIR)$(STATE_DIR)" || install -dm700 "$(DESTDIR)$(STATE_DIR)"
	$(Q)test -d "$(DESTDIR)$(CRASH_DIR)" || install -dm700 "$(DESTDIR)$(CRASH_DIR)"

install-drill: installable-drill
	$(call install_all,$(OF_DRILL))
	$(Q)for program in $(DRILL_LINKS); do \
		ln -sfr "$(DESTDIR)$$program" "$(DESTDIR)$(pkglibexecdir)/drill/"; done

# Dumps, images and a configuration that somebody has changed stay.
uninstall:
	$(call remove_all,$(INSTALLED) $(OF_DRILL))
	$(Q)rm -f "$(DESTDIR)$(GENERATOR)" $(foreach p,$(DRILL_LINKS),"$(DESTDIR)$(pkglibexecdir)/drill/$(notdir $(p))")
	$(Q)test ! -d "$(DESTDIR)$(pkgdatadir)" || find "$(DESTDIR)$(pkgdatadir)" -depth -type d -empty -delete
	$(Q)! cmp -s docs/lifeboat.conf.example "$(DESTDIR)$(CONF)" || rm -f "$(DESTDIR)$(CONF)"
	$(Q)for dir in $(pkglibexecdir)/drill $(pkglibexecdir) $(docdir)/guides $(docdir) $(STATE_DIR) $(CRASH_DIR); do \
		rmdir "$(DESTDIR)$$dir" 2>/dev/null || :; done

# Debian packages, in build/deb; made of a copy, so that this tree stays as it is.
deb:
	$(Q)packaging/make-deb build/deb

-include $(shell find build -path build/deb -prune -o -type f -name '*.d' -print 2>/dev/null)

clean:
	rm -rf build
