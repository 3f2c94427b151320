# SPDX-License-Identifier: GPL-2.0-or-later
# The only build file. Knobs:
#   V=1                     show the commands
#   W=1                     more warnings, and every warning is an error (what CI builds with)
#   SAN=address,undefined   sanitizers; objects go to build/san-address-undefined/
#   CC=clang                another compiler
# Targets: all, check (all of: lint, unit, described, plans, sanitizers, threads, fuzz,
#          system), fidelity, demo, install, clean.

VERSION := 0.1.0
CC      ?= gcc
CFLAGS  ?= -O2 -g
PREFIX  ?= /usr
DESTDIR ?=
PYTHON  ?= /usr/bin/python3

comma := ,
BUILD := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
OBJ   := $(BUILD)/obj
Q     := $(if $(V),,@)

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wundef -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-align -Wwrite-strings -Wframe-larger-than=16384
WARN += $(if $(W),-Wconversion -Wno-sign-conversion -Wswitch-enum -Werror)
ALL_CPPFLAGS := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DLIFEBOAT_VERSION='"$(VERSION)"' \
	-DLIFEBOAT_LIBEXEC='"$(PREFIX)/lib/lifeboat"' $(CPPFLAGS)
HARDEN := -fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2)
ALL_CFLAGS := -std=gnu11 $(WARN) $(HARDEN) -fno-common -ffunction-sections -fdata-sections \
	-pthread $(CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all)
ALL_LDFLAGS := -pthread -Wl,--gc-sections $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))

# rooms
CORE_SRC    := $(wildcard base/*.c format/*.c arch/*.c arch/*/*.c image/*.c filter/*.c)
CAPTURE_SRC := $(filter-out capture/init.c,$(wildcard capture/*.c))
HOST_SRC    := $(wildcard loader/*.c config/*.c initramfs/*.c)
CMD_SRC     := $(wildcard cmd/*.c)
UNIT_SRC    := $(wildcard tests/unit/test_*.c)
FUZZ_SRC    := $(wildcard tests/fuzz/fuzz_*.c)

obj = $(patsubst %.c,$(OBJ)/%.o,$(1))
LIB_OBJ := $(call obj,$(CORE_SRC) $(CAPTURE_SRC) $(HOST_SRC))

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
CORE_LIBS   := -ldeflate -llzo2 -lsnappy -lzstd
STATIC_LIBS := $(CORE_LIBS) -lstdc++
# An exception that nobody catches would be explained with the type's name: 53 KB of demangler that nobody reads.
STATIC_LDFLAGS := -Wl,--defsym=_ZN9__gnu_cxx27__verbose_terminate_handlerEv=abort
HOST_LIBS   := $(CORE_LIBS) -lkmod -lz -llzma

PROGRAMS := $(BUILD)/lifeboat $(if $(SAN),,$(BUILD)/lifeboat-init $(BUILD)/lab-guest \
	$(BUILD)/lab-saboteur)
UNITS    := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRC))

.PHONY: all judge check unit unit-build sanitizers threads fuzz fuzzers described plans lint system fidelity demo install clean \
	bench bench-build bench-codec
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS)

$(BUILD)/lifeboat: $(call obj,$(CMD_SRC)) $(LIB_OBJ)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS)

# PID 1 of the capture kernel: static, no host-only room in it, stripped because it lives in RAM.
$(BUILD)/lifeboat-init: $(call obj,capture/init.c $(CAPTURE_SRC) $(CORE_SRC))
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(STATIC_LDFLAGS) -static -s -o $@ $^ $(STATIC_LIBS)

$(BUILD)/lab-guest: $(call obj,lab/guest.c lab/guest_disks.c)
$(BUILD)/lab-saboteur: $(call obj,lab/saboteur.c)
$(BUILD)/lab-guest $(BUILD)/lab-saboteur:
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -static -s -o $@ $^

# The lab's judge of page data, by libkdumpfile: for tests only, so `all` goes without that library.
judge: $(BUILD)/lab-judge $(BUILD)/lab-disk $(if $(PURGATORY_CC),$(BUILD)/purgatory-stub.bin)
$(BUILD)/lab-judge: $(call obj,lab/judge.c) $(LIB_OBJ)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lkdumpfile $(HOST_LIBS)
$(BUILD)/lab-disk: $(call obj,lab/disk.c) $(LIB_OBJ)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(HOST_LIBS)

$(OBJ)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

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

$(BUILD)/unit/%: $(OBJ)/tests/unit/%.o $(LIB_OBJ)
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(HOST_LIBS)

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
FUZZ_LIB_SRC := $(CORE_SRC) $(CAPTURE_SRC) $(HOST_SRC)
FUZZ_OBJ := $(patsubst %.c,build/fuzz/obj/%.o,$(FUZZ_LIB_SRC))
FUZZ_CC  := clang -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -pthread

fuzzers: $(FUZZERS)

build/fuzz/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  FUZZ-CC $<"
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer-no-link $(ALL_CPPFLAGS) -MMD -MP -c -o $@ $<

build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o $(FUZZ_OBJ) $(PURGATORY_OBJ)
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
lint unit described plans sanitizers threads system:
	$(Q)$(PYTHON) tests/check.py build $@
# Much longer than the check's stage does: make fuzz FUZZ_SECONDS=3600 FUZZ="kdump flat"
FUZZ_SECONDS ?= 600
fuzz: fuzzers
	$(Q)$(PYTHON) tests/fuzz/run.py $(FUZZ_SECONDS) $(FUZZ)
# All levels of the matrix that the system stage takes a part of
fidelity: all judge
	$(Q)$(PYTHON) -m tests.system host --full fidelity
demo: all
	$(Q)$(PYTHON) -m lab demo

install: $(BUILD)/lifeboat $(BUILD)/lifeboat-init
	install -Dm755 $(BUILD)/lifeboat $(DESTDIR)$(PREFIX)/sbin/lifeboat
	install -Dm755 $(BUILD)/lifeboat-init $(DESTDIR)$(PREFIX)/lib/lifeboat/lifeboat-init
	install -Dm644 docs/man/lifeboat.8 $(DESTDIR)$(PREFIX)/share/man/man8/lifeboat.8
	install -Dm644 docs/man/lifeboat.conf.5 $(DESTDIR)$(PREFIX)/share/man/man5/lifeboat.conf.5
	install -Dm644 docs/lifeboat.conf.example \
		$(DESTDIR)$(PREFIX)/share/doc/lifeboat/lifeboat.conf.example

-include $(shell find build -name '*.d' 2>/dev/null)

clean:
	rm -rf build
