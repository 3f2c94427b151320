/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel that is understood: an image with its symbols, its types, its modules and its CPUs. Whatever there is, is there;
 * what is not is NULL or empty, and `gaps` says why. One thread.
 *
 * The ladder (each rung works without those above it): log, utsname and registers of the notes; text symbols; types, and
 * with them tasks, modules, memory; data symbols; unwinding by tables.
 */
#ifndef IMAGE_KERNEL_H
#define IMAGE_KERNEL_H

#include "image/btf.h"
#include "image/gaps.h"
#include "image/kallsyms.h"
#include "image/reader.h"

struct module_list;
struct orc;
struct stacks;

#define KERNEL_MAX_CPUS 8192 /* NR_CPUS of the largest configurations */

struct kernel {
	const struct image *img; /* borrowed */
	struct reader *rd;
	struct kallsyms *syms;
	struct kallsyms *exports; /* image/exports.h; only where `syms` have no data */
	struct btf *btf;
	struct module_list *modules; /* image/module.h; their symbols and types as well */
	struct orc *orc;             /* image/orc.h; read when a stack first needs it */
	bool orc_tried;
	struct stacks *stacks; /* image/stack.h; made when the first stack is asked for */
	uint64_t *percpu;      /* __per_cpu_offset[cpu] for each possible CPU */
	unsigned int n_cpus;   /* of percpu; 0: not known */
	struct range text[2];  /* _stext to _etext, _sinittext to _einittext; empty: not known */
	struct gaps gaps;
};

/*
 * Never fails for what the dump lacks: only for want of memory. `img` is borrowed and outlives the kernel; one of
 * image_create_bare() gives a kernel that knows nothing.
 */
int kernel_create(const struct image *img, struct kernel **ret, struct err *err) _must_check_;
void kernel_destroy(struct kernel *k); /* NULL is fine */

/* How far up the ladder it is, in words, for people: "symbols, types, modules". `buf` of 128 bytes will do. */
const char *kernel_level(const struct kernel *k, char *buf, size_t size);

/* ---- symbols: of the kernel and of its modules */

/*
 * The address of a symbol: VMCOREINFO's, else that of the kernel's own table, of what it exports, of a module's. VMCOREINFO's
 * of an array that is a pointer (mem_section) is where it points to. ERR_NOT_FOUND names it.
 */
int kernel_symbol(const struct kernel *k, const char *name, uint64_t *ret,
		  struct err *err) _must_check_;
/* The symbol that covers an address; false: none does. */
bool kernel_symbol_at(const struct kernel *k, uint64_t addr, struct symbol *ret);
/* "name+0x1f/0x80 [module]", as the kernel prints %pS; "0xffff…" where no symbol is. Returns buf. */
const char *kernel_format_addr(const struct kernel *k, uint64_t addr, char *buf, size_t size);
#define KERNEL_ADDR_SIZE \
	320 /* enough for any of these: names have at most 255 bytes (KSYM_NAME_LEN 512 since v6.1: cut) */
/* Is it in the text of the kernel or of a module (so far as is known)? */
bool kernel_is_text(const struct kernel *k, uint64_t addr);

/* ---- types: where a member is. All from BTF, else VMCOREINFO; never from a table of versions. */

struct field {
	uint64_t offset; /* bytes */
	uint32_t
		size; /* bytes of the member, or of the unit that a bit field lies in; 0: it is not known */
	uint8_t bit_offset; /* of a bit field within its unit */
	uint8_t bit_size;   /* 0: it is none */
	uint32_t type;      /* BTF id; 0: not from BTF */
};

/* Is it there? A field of zeros is not. */
static inline bool field_known(const struct field *f)
{
	return f->size != 0;
}

/*
 * `path` of struct, union or typedef `type`: "task_struct", "sched_info.last_arrival". False: not there; *ret is then all
 * zeros. `quiet` lookups are for what other kernels have otherwise (`__state`, `state`): only those that are not quiet are
 * added to the gaps.
 */
bool kernel_field(struct kernel *k, const char *type, const char *path, struct field *ret);
bool kernel_field_quiet(struct kernel *k, const char *type, const char *path, struct field *ret);

/* A table of them at once: all that a module wants to know. */
struct field_wish {
	const char *type, *path;
	struct field *ret;
	bool optional; /* quiet */
};
void kernel_fields(struct kernel *k, const struct field_wish *wishes, size_t n);

/* Size of a type in bytes; 0: not known (and added to the gaps). */
uint64_t kernel_sizeof(struct kernel *k, const char *type);
/* An enumerator's value; false: not known (and added to the gaps). */
bool kernel_enumerator(struct kernel *k, const char *name, int64_t *ret);

/* ---- values: ERR_NOT_FOUND if the field is not known, else what reading says */

/* An integer, bit field or pointer; not sign-extended. */
int kernel_get(struct kernel *k, uint64_t object, const struct field *f, uint64_t *ret,
	       struct err *err) _must_check_;
/* A char array in the object (`comm`), cut to the buffer. */
int kernel_get_text(struct kernel *k, uint64_t object, const struct field *f, char *buf,
		    size_t size, struct err *err) _must_check_;

/* ---- CPUs */

/* Where a per-CPU variable of `cpu` is: its symbol's address plus __per_cpu_offset[cpu]. ERR_NOT_FOUND: no such CPU, or not known. */
int kernel_percpu(const struct kernel *k, uint64_t symbol, unsigned int cpu, uint64_t *ret,
		  struct err *err) _must_check_;
/* Is its bit set in a cpumask such as "__cpu_online_mask"? False also where it is not known. */
bool kernel_cpu_in(struct kernel *k, const char *mask, unsigned int cpu);

/* ---- lists */

/* Called for each entry with the address of the object that the list_head is a member of. Returns 0, or an error that ends the walk. */
typedef int (*kernel_list_fn)(void *ctx, uint64_t object, struct err *err);

/*
 * Walk a struct list_head from `head` (not an entry itself); the list_head lies `offset` bytes into the objects. Ends with ERR_CORRUPT,
 * after the entries so far, if it does not come back within `limit` entries, goes round in a circle, or an entry's prev is not the one it
 * was reached from; with the reading error where a link cannot be read.
 */
int kernel_list(struct kernel *k, uint64_t head, uint64_t offset, size_t limit, kernel_list_fn fn,
		void *ctx, struct err *err) _must_check_;

#endif
