/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * BTF from a short text, for tests and fuzzers: each byte is written down here, nothing is taken from the reader.
 *
 *   struct NAME SIZE          then its members, each "NAME OFFSET TYPE" on a line that begins with a blank; "-" is no name
 *   enum NAME                 then its values, each "NAME VALUE"
 *
 * TYPE: u8 u16 u32 u64 s8 ptr, or a struct from further up; "[n]" behind it makes an array, ":BITS@BIT" a bit field that begins at
 * that bit of the type's unit. "-" as a struct's name makes one without.
 */
#ifndef TESTS_FAKE_TYPES_H
#define TESTS_FAKE_TYPES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define FAKE_TYPES_MAX 1024

struct fake_types {
	uint8_t types[32768];
	char strings[16384];
	size_t types_len, strings_len;
	uint32_t n; /* ids so far; 0 is void */
	struct {
		char name[64];
		uint32_t id;
	} known[FAKE_TYPES_MAX];
	size_t n_known;
};

static inline void fake_types_require(int ok)
{
	if (!ok)
		abort();
}

static inline uint32_t fake_types_string(struct fake_types *t, const char *s)
{
	uint32_t at = (uint32_t)t->strings_len;

	if (!*s || strcmp(s, "-") == 0)
		return 0;
	fake_types_require(t->strings_len + strlen(s) + 1 < sizeof(t->strings));
	strcpy(t->strings + at, s);
	t->strings_len += strlen(s) + 1;
	return at;
}

static inline void fake_types_u32(struct fake_types *t, uint32_t v)
{
	fake_types_require(t->types_len + 4 <= sizeof(t->types));
	bytes_put_le32(t->types + t->types_len, v);
	t->types_len += 4;
}

/* name, info, size or type: struct btf_type */
static inline uint32_t fake_types_head(struct fake_types *t, const char *name, uint32_t kind,
				       uint32_t size)
{
	fake_types_u32(t, fake_types_string(t, name));
	fake_types_u32(t, kind << 24);
	fake_types_u32(t, size);
	return ++t->n;
}

static inline void fake_types_know(struct fake_types *t, const char *name, uint32_t id)
{
	fake_types_require(t->n_known < FAKE_TYPES_MAX);
	snprintf(t->known[t->n_known].name, sizeof(t->known[0].name), "%s", name);
	t->known[t->n_known++].id = id;
}

static inline uint32_t fake_types_find(const struct fake_types *t, const char *name)
{
	for (size_t i = 0; i < t->n_known; i++)
		if (strcmp(t->known[i].name, name) == 0)
			return t->known[i].id;
	fprintf(stderr, "fake_types: %s is not known\n", name);
	fake_types_require(0);
	return 0;
}

/* The basic types, and the arrays that `text` needs: a struct's members have to follow it without a gap. */
static inline void fake_types_basics(struct fake_types *t)
{
	static const struct {
		const char *name;
		uint32_t size, encoding;
	} ints[] = {{"u8", 1, 0}, {"u16", 2, 0}, {"u32", 4, 0}, {"u64", 8, 0}, {"s8", 1, 1}};

	t->strings_len = 1;
	for (size_t i = 0; i < ARRAY_SIZE(ints); i++) {
		uint32_t id = fake_types_head(t, ints[i].name, 1, ints[i].size);

		fake_types_u32(t, ints[i].encoding << 24 | ints[i].size * 8);
		fake_types_know(t, ints[i].name, id);
	}
	fake_types_know(t, "ptr", fake_types_head(t, "", 2, 0));
}

static inline uint32_t fake_types_array(struct fake_types *t, const char *type)
{
	char name[48];
	uint32_t of, id;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(type, "["), type);
	of = fake_types_find(t, name);
	id = fake_types_head(t, "", 3, 0);
	fake_types_u32(t, of);
	fake_types_u32(t, fake_types_find(t, "u32"));
	fake_types_u32(t, (uint32_t)atoi(strchr(type, '[') + 1));
	fake_types_know(t, type, id);
	return id;
}

/* Where the next line that is a struct or enum of its own begins. */
static inline const char *fake_types_end(const char *text)
{
	while (*text) {
		const char *end = strchr(text, '\n');

		fake_types_require(end != NULL);
		text = end + 1;
		if (*text != ' ')
			break;
	}
	return text;
}

/* The members of a struct, or the arrays that they need. Returns how many. */
static inline uint32_t fake_types_members(struct fake_types *t, const char *text, const char *end,
					  int arrays)
{
	uint32_t n = 0;

	for (text = strchr(text, '\n') + 1; text < end; text = strchr(text, '\n') + 1, n++) {
		unsigned int offset, bits = 0, bit = 0;
		char name[48], type[64], *field;

		fake_types_require(sscanf(text, " %47s %u %63s", name, &offset, type) == 3);
		field = strchr(type, ':');
		if (field) {
			fake_types_require(sscanf(field, ":%u@%u", &bits, &bit) == 2);
			*field = '\0';
		}
		if (arrays) {
			int there = 0;

			for (size_t i = 0; i < t->n_known; i++)
				there |= strcmp(t->known[i].name, type) == 0;
			if (strchr(type, '[') && !there)
				fake_types_array(t, type);
			continue;
		}
		fake_types_u32(t, fake_types_string(t, name));
		fake_types_u32(t, fake_types_find(t, type));
		fake_types_u32(t, bits << 24 | (offset * 8 + bit));
	}
	return n;
}

static inline uint32_t fake_types_values(struct fake_types *t, const char *text, const char *end)
{
	uint32_t n = 0;

	for (text = strchr(text, '\n') + 1; text < end; text = strchr(text, '\n') + 1, n++) {
		char name[48];
		int value;

		fake_types_require(sscanf(text, " %47s %d", name, &value) == 2);
		fake_types_u32(t, fake_types_string(t, name));
		fake_types_u32(t, (uint32_t)value);
	}
	return n;
}

static inline void fake_types_add(struct fake_types *t, const char *text)
{
	for (const char *end; *text; text = end) {
		unsigned int size = 4;
		char kind[8], name[48];
		size_t at;
		uint32_t n, id;

		end = fake_types_end(text);
		fake_types_require(sscanf(text, "%7s %47s %u", kind, name, &size) >= 2);
		if (strcmp(kind, "enum") == 0) {
			at = t->types_len;
			id = fake_types_head(t, name, 6, 4);
			n = fake_types_values(t, text, end);
			bytes_put_le32(t->types + at + 4, 6U << 24 | n);
		} else {
			fake_types_members(t, text, end, 1);
			at = t->types_len;
			id = fake_types_head(t, name, 4, size);
			n = fake_types_members(t, text, end, 0);
			bytes_put_le32(t->types + at + 4, 1U << 31 | 4U << 24 | n);
		}
		fake_types_know(t, name, id);
	}
}

/* *ret is malloc'ed, for btf_create(). */
static inline size_t fake_types_make(const char *text, uint8_t **ret)
{
	struct fake_types *t = calloc(1, sizeof(*t));
	size_t len;

	fake_types_require(t != NULL);
	fake_types_basics(t);
	fake_types_add(t, text);
	len = 24 + t->types_len + t->strings_len;
	*ret = calloc(1, len);
	fake_types_require(*ret != NULL);
	bytes_put_le32(*ret, 0x0001eb9f);
	bytes_put_le32(*ret + 4, 24);
	bytes_put_le32(*ret + 12, (uint32_t)t->types_len);
	bytes_put_le32(*ret + 16, (uint32_t)t->types_len);
	bytes_put_le32(*ret + 20, (uint32_t)t->strings_len);
	memcpy(*ret + 24, t->types, t->types_len);
	memcpy(*ret + 24 + t->types_len, t->strings, t->strings_len);
	free(t);
	return len;
}

/* ---- a kernel of v6.1, with little around what is read of it */

#define FAKE_TYPES_BASIC                                                                  \
	"struct list_head 16\n next 0 ptr\n prev 8 ptr\n"                                 \
	"struct atomic64 8\n counter 0 u64\n"                                             \
	"struct rb_node 24\n __rb_parent_color 0 u64\n rb_right 8 ptr\n rb_left 16 ptr\n" \
	"struct rb_root 8\n rb_node 0 ptr\n"                                              \
	"struct rb_root_cached 16\n rb_root 0 rb_root\n rb_leftmost 8 ptr\n"              \
	"struct percpu_counter 40\n lock 0 u32\n count 8 u64\n list 16 list_head\n"       \
	" counters 32 ptr\n"

#define FAKE_TYPES_SCHED                                                                     \
	"struct sched_entity 128\n run_node 16 rb_node\n group_node 40 list_head\n"          \
	" on_rq 56 u8\n sched_delayed 57 u8\n sum_exec_runtime 64 u64\n parent 72 ptr\n"     \
	" cfs_rq 80 ptr\n my_q 88 ptr\n"                                                     \
	"struct sched_rt_entity 64\n run_list 0 list_head\n my_q 40 ptr\n"                   \
	"struct sched_dl_entity 64\n rb_node 0 rb_node\n dl_throttled 56 u32:1@0\n"          \
	" dl_server 56 u32:1@4\n"                                                            \
	"struct sched_info 32\n last_arrival 16 u64\n"                                       \
	"struct thread_info 24\n cpu 16 u32\n"                                               \
	"struct rt_prio_array 1616\n queue 16 list_head[100]\n"                              \
	"struct rt_rq 1700\n active 0 rt_prio_array\n rt_nr_running 1616 u32\n"              \
	"struct dl_rq 64\n root 0 rb_root_cached\n"                                          \
	"struct cfs_rq 128\n tasks_timeline 16 rb_root_cached\n curr 32 ptr\n"               \
	"struct rq 2304\n nr_running 4 u32\n cfs 64 cfs_rq\n rt 192 rt_rq\n dl 1920 dl_rq\n" \
	" curr 2000 ptr\n idle 2008 ptr\n stop 2016 ptr\n clock 2024 u64\n cpu 2032 u32\n"   \
	" cfs_tasks 2040 list_head\n"                                                        \
	"struct timerqueue_node 32\n node 0 rb_node\n expires 24 u64\n"                      \
	"struct hrtimer 64\n node 0 timerqueue_node\n"                                       \
	"struct tick_sched 128\n sched_timer 0 hrtimer\n"

#define FAKE_TYPES_TASK                                                                      \
	"enum mm_counter\n MM_FILEPAGES 0\n MM_ANONPAGES 1\n MM_SWAPENTS 2\n"                \
	" MM_SHMEMPAGES 3\n NR_MM_COUNTERS 4\n"                                              \
	"struct signal_struct 64\n thread_head 16 list_head\n"                               \
	"struct task_rss_stat 20\n events 0 u32\n count 4 u32[4]\n"                          \
	"struct task_struct 1024\n thread_info 0 thread_info\n __state 24 u32\n"             \
	" stack 32 ptr\n flags 40 u32\n on_cpu 44 u32\n on_rq 48 u32\n se 64 sched_entity\n" \
	" rt 192 sched_rt_entity\n dl 256 sched_dl_entity\n sched_info 320 sched_info\n"     \
	" tasks 352 list_head\n mm 368 ptr\n exit_state 376 u32\n pid 380 u32\n"             \
	" tgid 384 u32\n real_parent 392 ptr\n thread_node 400 list_head\n"                  \
	" start_boottime 416 u64\n comm 424 u8[16]\n signal 440 ptr\n"                       \
	" rss_stat 448 task_rss_stat\n"

/* rss_stat of mm_struct: until v6.1, and since. */
#define FAKE_TYPES_MM_OLD                          \
	"struct mm_rss_stat 32\n count 0 u64[4]\n" \
	"struct mm_struct 256\n total_vm 8 u64\n rss_stat 32 mm_rss_stat\n"
#define FAKE_TYPES_MM_NEW "struct mm_struct 256\n total_vm 8 u64\n rss_stat 32 percpu_counter[4]\n"

#define FAKE_TYPES_MEMORY                                                                       \
	"enum zone_stat_item\n NR_FREE_PAGES 0\n NR_MLOCK 1\n NR_BOUNCE 2\n"                    \
	" NR_FREE_CMA_PAGES 3\n NR_VM_ZONE_STAT_ITEMS 4\n"                                      \
	"enum node_stat_item\n NR_LRU_BASE 0\n NR_INACTIVE_ANON 0\n NR_ACTIVE_ANON 1\n"         \
	" NR_INACTIVE_FILE 2\n NR_ACTIVE_FILE 3\n NR_UNEVICTABLE 4\n NR_SLAB_RECLAIMABLE_B 5\n" \
	" NR_SLAB_UNRECLAIMABLE_B 6\n NR_ANON_MAPPED 7\n NR_FILE_MAPPED 8\n NR_FILE_PAGES 9\n"  \
	" NR_FILE_DIRTY 10\n NR_WRITEBACK 11\n NR_SHMEM 12\n NR_KERNEL_MISC_RECLAIMABLE 13\n"   \
	" NR_KERNEL_STACK_KB 14\n NR_PAGETABLE 15\n NR_SWAPCACHE 16\n NR_ANON_THPS 17\n"        \
	" NR_VM_NODE_STAT_ITEMS 18\n"                                                           \
	"enum zone_watermarks\n WMARK_MIN 0\n WMARK_LOW 1\n WMARK_HIGH 2\n"                     \
	"enum node_states\n N_POSSIBLE 0\n N_ONLINE 1\n"                                        \
	"struct nodemask_t 8\n bits 0 u64\n"                                                    \
	"struct per_cpu_zonestat 8\n vm_stat_diff 0 s8[4]\n stat_threshold 4 s8\n"              \
	"struct per_cpu_nodestat 24\n stat_threshold 0 s8\n vm_node_stat_diff 1 s8[18]\n"       \
	"struct zone 64\n _watermark 0 u64[3]\n watermark_boost 24 u64\n"                       \
	" per_cpu_zonestats 32 ptr\n present_pages 40 u64\n"                                    \
	"struct pglist_data 256\n node_zones 0 zone[2]\n per_cpu_nodestats 200 ptr\n"           \
	"struct super_block 64\n s_inodes 16 list_head\n"                                       \
	"struct address_space 64\n nrpages 8 u64\n"                                             \
	"struct inode 64\n i_mapping 0 ptr\n i_sb_list 16 list_head\n"                          \
	"struct hstate 64\n order 4 u32\n nr_huge_pages 8 u64\n free_huge_pages 16 u64\n"       \
	"struct oo 4\n x 0 u32\n"                                                               \
	"struct kmem_cache 128\n size 8 u32\n object_size 12 u32\n oo 16 oo\n name 24 ptr\n"    \
	" list 32 list_head\n node 64 ptr[4]\n"                                                 \
	"struct kmem_cache_node 64\n nr_partial 8 u64\n partial 16 list_head\n"                 \
	" nr_slabs 32 atomic64\n total_objects 40 atomic64\n"                                   \
	"struct slab 64\n slab_list 8 list_head\n inuse 32 u32:16@0\n objects 32 u32:15@16\n"

#define FAKE_TYPES_SYSTEM                                                              \
	"struct tk_read_base 56\n shift 28 u32\n xtime_nsec 32 u64\n base 40 u64\n"    \
	"struct timekeeper 128\n tkr_mono 0 tk_read_base\n xtime_sec 64 u64\n"         \
	" offs_real 72 u64\n offs_boot 80 u64\n"                                       \
	"enum dmi_field\n DMI_NONE 0\n DMI_BIOS_VENDOR 1\n DMI_SYS_VENDOR 2\n"         \
	" DMI_PRODUCT_NAME 3\n DMI_STRING_MAX 4\n DMI_OEM_STRING 5\n"                  \
	"struct cpuinfo_x86 128\n x86_model_id 32 u8[64]\n"                            \
	"enum x86_hypervisor_type\n X86_HYPER_NATIVE 0\n X86_HYPER_VMWARE 1\n"         \
	" X86_HYPER_KVM 5\n"                                                           \
	"enum hwerr_error_type\n HWERR_RECOV_CPU 0\n HWERR_RECOV_MEMORY 1\n"           \
	" HWERR_RECOV_MAX 2\n"                                                         \
	"struct hwerr_info 16\n count 0 u32\n timestamp 8 u64\n"                       \
	"struct resource 64\n start 0 u64\n end 8 u64\n name 16 ptr\n parent 40 ptr\n" \
	" sibling 48 ptr\n child 56 ptr\n"                                             \
	"struct printk_info 88\n seq 0 u64\n ts_nsec 8 u64\n text_len 16 u16\n"        \
	" facility 18 u8\n flags 19 u8:5@0\n level 19 u8:3@5\n caller_id 20 u32\n"     \
	"struct printk_log 20\n ts_nsec 0 u64\n len 8 u16\n text_len 10 u16\n"         \
	" dict_len 12 u16\n facility 14 u8\n flags 15 u8:5@0\n level 15 u8:3@5\n"      \
	" caller_id 16 u32\n"

#define FAKE_TYPES_MODULE                                                                    \
	"struct module_layout 24\n base 0 ptr\n size 8 u32\n text_size 12 u32\n"             \
	"struct mod_kallsyms 24\n symtab 0 ptr\n num_symtab 8 u32\n strtab 16 ptr\n"         \
	"struct module 256\n state 0 u32\n list 8 list_head\n name 24 u8[56]\n"              \
	" version 80 ptr\n srcversion 88 ptr\n core_layout 96 module_layout\n"               \
	" init_layout 120 module_layout\n taints 144 u64\n core_kallsyms 152 mod_kallsyms\n" \
	" refcnt 176 atomic64\n"

#define FAKE_TYPES_TK_CORE "struct - 144\n seq 0 u32\n timekeeper 8 timekeeper\n"
#define FAKE_TYPES_TK_DATA "struct tk_data 300\n seq 0 u32\n timekeeper 16 timekeeper\n"

#endif
