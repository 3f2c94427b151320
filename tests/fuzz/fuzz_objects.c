// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is read of a kernel by its types: tasks, run queues, memory, slabs, modules, resources, time and both forms of the log. The types are
 * always the same; the memory is that of a small machine in which all of this is all right, and the input writes over it:
 *
 *   byte 0      which of the layouts that differ between kernels
 *   records     u16 where, in words; u8 n: then n bytes that lie there, or, if n is 255, a u16: a pointer to that word. Words are
 *               counted from the beginning of what is in use, again and again
 *
 * Property: no crash and no sanitizer report; what comes out is in order and bounded by what is there; texts end; time is bounded.
 */
#include <elf.h>

#include "base/num.h"
#include "image/memory.h"
#include "image/module.h"
#include "image/printk.h"
#include "image/runqueue.h"
#include "image/system.h"
#include "image/task.h"
#include "tests/fake_types.h"

#define RAM_SIZE   (1U << 18)
#define PAGE       4096U
#define ROOT       (RAM_SIZE - 8 * PAGE)
#define DIRECT_MAP 0xffff888000000000ULL
#define PRESENT    0x63
#define LARGE      0x80
#define CPUS       2
#define PERCPU     0x10000U
#define PERCPU_LEN 0x4000U
#define OBJECTS    0x18000U
#define LOG        0x1f000U
#define END        0x22000U
#define A_POINTER  255

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(x)               \
	do {                     \
		if (!(x))        \
			abort(); \
	} while (0)

struct machine {
	struct source src;
	uint8_t *ram;
	uint8_t *notes;
	char info[8192];
	size_t info_len;
	uint64_t next; /* address in the kernel of the next object */
	uint8_t how;
};

/* ---- the machine as a source */

static int machine_read(const struct source *src, uint64_t phys, void *buf, size_t len,
			struct err *err)
{
	const struct machine *m = (const struct machine *)src;

	if (phys > RAM_SIZE || len > RAM_SIZE - phys)
		return err_set(err, ERR_NOT_FOUND, "not there");
	memcpy(buf, m->ram + phys, len);
	return 0;
}

static int machine_map(const struct source *src, struct view *view, uint64_t phys, struct err *err)
{
	const struct machine *m = (const struct machine *)src;

	view->len = 0;
	if (phys >= RAM_SIZE)
		return err_set(err, ERR_NOT_FOUND, "not there");
	view->start = phys;
	view->data = m->ram + phys;
	view->len = RAM_SIZE - phys;
	return 0;
}

static void machine_unmap(struct view *view)
{
	(void)view;
}

static const struct source_ops machine_ops = {
	.name = "fuzz", .read = machine_read, .map = machine_map, .unmap = machine_unmap};

/* ---- what is in it */

static void put64(struct machine *m, uint64_t vaddr, uint64_t v)
{
	bytes_put_le64(m->ram + (vaddr - DIRECT_MAP), v);
}

static void put32(struct machine *m, uint64_t vaddr, uint32_t v)
{
	bytes_put_le32(m->ram + (vaddr - DIRECT_MAP), v);
}

static uint64_t get64(const struct machine *m, uint64_t vaddr)
{
	uint64_t v;

	memcpy(&v, m->ram + (vaddr - DIRECT_MAP), 8);
	return le64toh(v);
}

static uint64_t new (struct machine *m, uint64_t size)
{
	uint64_t at = m->next;

	m->next += (size + 63) & ~63ULL;
	REQUIRE(m->next < DIRECT_MAP + LOG);
	return at;
}

static uint64_t text(struct machine *m, const char *s)
{
	uint64_t at = new (m, strlen(s) + 1);

	memcpy(m->ram + (at - DIRECT_MAP), s, strlen(s) + 1);
	return at;
}

static void info(struct machine *m, const char *key, const char *name, uint64_t v)
{
	int n = snprintf(m->info + m->info_len, sizeof(m->info) - m->info_len,
			 *key == 'S' && key[1] == 'Y' ? "%s(%s)=%llx\n" : "%s(%s)=%llu\n", key,
			 name, (unsigned long long)v);

	REQUIRE(n > 0 && m->info_len + (size_t)n < sizeof(m->info));
	m->info_len += (size_t)n;
}

static uint64_t symbol(struct machine *m, const char *name, uint64_t size)
{
	uint64_t at = new (m, size);

	info(m, "SYMBOL", name, at);
	return at;
}

static void value(struct machine *m, const char *name, uint64_t v)
{
	put64(m, symbol(m, name, 8), v);
}

static void list_init(struct machine *m, uint64_t head)
{
	put64(m, head, head);
	put64(m, head + 8, head);
}

static void list_add(struct machine *m, uint64_t head, uint64_t node)
{
	uint64_t last = get64(m, head + 8);

	put64(m, node, head);
	put64(m, node + 8, last);
	put64(m, last, node);
	put64(m, head + 8, node);
}

static uint64_t of_cpu(uint64_t variable, unsigned int cpu)
{
	return DIRECT_MAP + PERCPU + cpu * PERCPU_LEN + variable;
}

/* Offsets are those of tests/fake_types.h. */
static uint64_t add_task(struct machine *m, uint64_t init, uint32_t pid, const char *comm)
{
	uint64_t at = init && !pid ? new (m, 1024)
		      : pid        ? new (m, 1024)
				   : symbol(m, "init_task", 1024);
	uint64_t signal = new (m, 64), mm = new (m, 256);

	put32(m, at + 380, pid);
	put32(m, at + 384, pid);
	memcpy(m->ram + (at - DIRECT_MAP) + 424, comm, strlen(comm) + 1);
	put64(m, at + 392, init);
	put64(m, at + 440, signal);
	put64(m, at + 368, pid ? mm : 0);
	put64(m, mm + 32, 5);
	list_init(m, signal + 16);
	list_add(m, signal + 16, at + 400);
	if (init && pid)
		list_add(m, init + 352, at + 352);
	else
		list_init(m, at + 352);
	return at;
}

static void add_tasks(struct machine *m)
{
	uint64_t init = add_task(m, 0, 0, "swapper/0"), tasks[6], rq, thread;
	uint64_t queues = 0x1000, group = new (m, 128), inner = new (m, 128);

	info(m, "SYMBOL", "runqueues", queues);
	for (uint32_t i = 0; i < 6; i++)
		tasks[i] = add_task(m, init, i + 1, "task");
	thread = add_task(m, init, 0, "thread");
	put32(m, thread + 384, 1);
	list_add(m, get64(m, tasks[0] + 440) + 16, thread + 400);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++) {
		rq = of_cpu(queues, cpu);
		put64(m, rq + 2000, tasks[cpu]);
		put64(m, rq + 2008, cpu ? add_task(m, init, 0, "swapper/1") : init);
		put32(m, rq + 2032, cpu);
		put32(m, rq + 192 + 1616, 1);
		list_init(m, rq + 2040);
		for (unsigned int i = 0; i < 100; i++)
			list_init(m, rq + 192 + 16 + i * 16);
	}
	/* on CPU 0: a group with a task, another task, one of the real-time class, one of the deadline class */
	rq = of_cpu(queues, 0);
	put64(m, rq + 64 + 16, group + 16);
	put64(m, group + 16, 1);
	put64(m, group + 88, inner);
	put64(m, group + 16 + 8, tasks[2] + 64 + 16);
	put64(m, tasks[2] + 64 + 16, (group + 16) | 1);
	put64(m, inner + 16, tasks[3] + 64 + 16);
	put64(m, tasks[3] + 64 + 16, 1);
	list_add(m, rq + 2040, tasks[2] + 64 + 40);
	list_add(m, rq + 192 + 16, tasks[4] + 192);
	put64(m, rq + 1920, tasks[5] + 256);
	put64(m, tasks[5] + 256, 1);
}

static void add_memory(struct machine *m)
{
	uint64_t node = new (m, 256), head = symbol(m, "slab_caches", 16), sb = new (m, 64);

	symbol(m, "vm_zone_stat", 32);
	symbol(m, "vm_node_stat", 18 * 8);
	put64(m, symbol(m, "node_data", 32), node);
	put32(m, symbol(m, "nr_node_ids", 4), 1);
	put64(m, symbol(m, "node_states", 16) + 8, 1);
	put64(m, node + 32, 0x3000);
	put64(m, node + 40, 100);
	put64(m, node + 200, 0x3100);
	value(m, "_totalram_pages", 256);
	value(m, "totalreserve_pages", 3);
	value(m, "blockdev_superblock", sb);
	list_init(m, sb + 16);
	put32(m, symbol(m, "hugetlb_max_hstate", 4), 2);
	symbol(m, "hstates", 128);
	list_init(m, head);
	for (uint32_t i = 0; i < 3; i++) {
		uint64_t cache = new (m, 128), n = new (m, 64), slab = new (m, 64);

		put32(m, cache + 8, 64);
		put32(m, cache + 16, i << 16 | 64);
		put64(m, cache + 24, text(m, "kmalloc-64"));
		put64(m, cache + 64, n);
		put64(m, n + 8, 1);
		put64(m, n + 32, 3);
		put64(m, n + 40, 192);
		list_init(m, n + 16);
		list_add(m, n + 16, slab + 8);
		put32(m, slab + 32, 64 << 16 | 3);
		list_add(m, head, cache + 32);
	}
}

static void add_system(struct machine *m)
{
	uint64_t core = symbol(m, "tk_core", 320), dmi = symbol(m, "dmi_ident", 32), at, before = 0;
	uint64_t root = symbol(m, "iomem_resource", 64), modules = symbol(m, "modules", 16);

	put64(m, core + 8 + 40, 1000000000);
	put64(m, core + 16 + 40, 1000000000);
	value(m, "saved_command_line", text(m, "quiet"));
	value(m, "tainted_mask", 1);
	put64(m, dmi + 16, text(m, "QEMU"));
	symbol(m, "boot_cpu_data", 128);
	symbol(m, "hwerr_data", 32);
	put32(m, symbol(m, "x86_hyper_type", 4), 5);
	for (uint64_t i = 0; i < 4; i++) {
		at = new (m, 64);
		put64(m, at, i * 0x1000);
		put64(m, at + 8, i * 0x1000 + 0xfff);
		put64(m, at + 16, text(m, "System RAM"));
		put64(m, at + 40, i == 2 ? before : root);
		put64(m, i == 2 ? before + 56 : before ? before + 48 : root + 56, at);
		before = i == 2 ? before : at;
	}
	list_init(m, modules);
	for (int i = 0; i < 2; i++) {
		at = new (m, 256);
		memcpy(m->ram + (at - DIRECT_MAP) + 24, "ext4", 5);
		put64(m, at + 96, 0xffffffffc0000000ULL + (uint64_t)i * 0x10000);
		put32(m, at + 104, 0x2000);
		list_add(m, modules, at + 8);
	}
}

static void add_old_log(struct machine *m, uint64_t buf)
{
	static const char *const members[] = {"ts_nsec", "len", "text_len", "dict_len"};
	static const uint64_t offsets[] = {0, 8, 10, 12};

	value(m, "log_buf", buf);
	put32(m, symbol(m, "log_buf_len", 4), 8192);
	put32(m, symbol(m, "log_first_idx", 4), 0);
	put32(m, symbol(m, "log_next_idx", 4), 40 * 32);
	info(m, "SIZE", "printk_log", 20);
	for (size_t i = 0; i < 4; i++) {
		char name[32];

		snprintf(name, sizeof(name), "printk_log.%s", members[i]);
		info(m, "OFFSET", name, offsets[i]);
	}
	for (uint64_t i = 0; i < 40; i++) {
		put32(m, buf + i * 32 + 8, 32 | 5 << 16);
		memcpy(m->ram + (buf - DIRECT_MAP) + i * 32 + 20, "hello", 5);
	}
}

static void add_ring(struct machine *m, uint64_t buf)
{
	static const struct {
		const char *key, *name;
		uint64_t v;
	} keys[] = {{"OFFSET", "printk_ringbuffer.desc_ring", 0},
		    {"OFFSET", "printk_ringbuffer.text_data_ring", 48},
		    {"OFFSET", "prb_desc_ring.count_bits", 0},
		    {"OFFSET", "prb_desc_ring.descs", 8},
		    {"OFFSET", "prb_desc_ring.infos", 16},
		    {"OFFSET", "prb_desc_ring.head_id", 24},
		    {"OFFSET", "prb_desc_ring.tail_id", 32},
		    {"OFFSET", "atomic_long_t.counter", 0},
		    {"OFFSET", "prb_data_ring.size_bits", 0},
		    {"OFFSET", "prb_data_ring.data", 8},
		    {"SIZE", "prb_desc", 24},
		    {"OFFSET", "prb_desc.state_var", 0},
		    {"OFFSET", "prb_desc.text_blk_lpos", 8},
		    {"OFFSET", "prb_data_blk_lpos.begin", 0},
		    {"OFFSET", "prb_data_blk_lpos.next", 8},
		    {"SIZE", "printk_info", 88},
		    {"OFFSET", "printk_info.ts_nsec", 8},
		    {"OFFSET", "printk_info.text_len", 16}};
	uint64_t prb = new (m, 128);

	value(m, "prb", prb);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		info(m, keys[i].key, keys[i].name, keys[i].v);
	put32(m, prb, 5);
	put64(m, prb + 8, buf);
	put64(m, prb + 16, buf + PAGE);
	put64(m, prb + 24, 9);
	put32(m, prb + 48, 12);
	put64(m, prb + 56, buf + 2 * PAGE);
	for (uint64_t i = 0; i < 10; i++) {
		put64(m, buf + i * 24, i | 1ULL << 63);
		put64(m, buf + i * 24 + 8, i * 16);
		put64(m, buf + i * 24 + 16, i * 16 + 16);
		put32(m, buf + PAGE + i * 88 + 16, 5);
	}
}

/* ---- life */

static void map_memory(struct machine *m)
{
	bytes_put_le64(m->ram + ROOT + (DIRECT_MAP >> 39 & 511) * 8, (ROOT + PAGE) | PRESENT);
	bytes_put_le64(m->ram + ROOT + PAGE, (ROOT + 2 * PAGE) | PRESENT);
	bytes_put_le64(m->ram + ROOT + 2 * PAGE, PRESENT | LARGE);
}

static void set_notes(struct machine *m)
{
	static const char first[] = "OSRELEASE=6.1.0\nPAGESIZE=4096\nNUMBER(phys_base)=0\n";
	char text_of[sizeof(m->info) + 256];
	int n = snprintf(text_of, sizeof(text_of), "%sSYMBOL(init_top_pgt)=%llx\n%s", first,
			 0xffffffff80000000ULL + ROOT, m->info);

	m->notes = calloc(1, 24 + (size_t)n + 4);
	REQUIRE(m->notes);
	bytes_put_le32(m->notes, 11);
	bytes_put_le32(m->notes + 4, (uint32_t)n);
	memcpy(m->notes + 12, "VMCOREINFO", 10);
	memcpy(m->notes + 24, text_of, (size_t)n);
	m->src.notes = (struct bytes){m->notes, 24 + (size_t)n};
}

static size_t place(const uint8_t *data)
{
	return PERCPU + (data[0] | (size_t)data[1] << 8) * 8 % (END - PERCPU);
}

static void overwrite(struct machine *m, const uint8_t *data, size_t size)
{
	for (size_t i = 0, end; i + 3 <= size; i = end) {
		size_t to = place(data + i), n = data[i + 2];

		if (n == A_POINTER && i + 5 <= size) {
			put64(m, DIRECT_MAP + to, DIRECT_MAP + place(data + i + 3));
			end = i + 5;
			continue;
		}
		end = NUM_MIN(i + 3 + n, size);
		memcpy(m->ram + to, data + i + 3, NUM_MIN(end - i - 3, RAM_SIZE - to));
	}
}

static void machine_init(struct machine *m, const uint8_t *data, size_t size)
{
	struct err err;
	uint64_t at;

	*m = (struct machine){.src = {.ops = &machine_ops, .path = "fuzz"}, .how = data[0]};
	m->src.elf_machine = EM_X86_64;
	m->next = DIRECT_MAP + OBJECTS;
	m->ram = calloc(1, RAM_SIZE);
	REQUIRE(m->ram);
	REQUIRE(!ranges_add(&m->src.ram, 0, RAM_SIZE, &err));
	REQUIRE(!ranges_add(&m->src.present, 0, RAM_SIZE, &err));
	put32(m, symbol(m, "nr_cpu_ids", 4), CPUS);
	at = symbol(m, "__per_cpu_offset", CPUS * 8);
	for (unsigned int cpu = 0; cpu < CPUS; cpu++)
		put64(m, at + cpu * 8, of_cpu(0, cpu));
	value(m, "__cpu_possible_mask", 3);
	value(m, "__cpu_online_mask", 3);
	add_tasks(m);
	add_memory(m);
	add_system(m);
	if (m->how & 1)
		add_old_log(m, DIRECT_MAP + LOG);
	else
		add_ring(m, DIRECT_MAP + LOG);
	overwrite(m, data + 1, size - 1);
	map_memory(m);
	set_notes(m);
}

static void machine_deinit(struct machine *m)
{
	ranges_deinit(&m->src.ram);
	ranges_deinit(&m->src.present);
	free(m->ram);
	free(m->notes);
}

/* ---- what is done with it */

static bool ends(const char *s, size_t size)
{
	return memchr(s, 0, size) != NULL;
}

static void check_tasks(struct kernel *k)
{
	struct task_list *list = NULL;
	struct err err = {0};

	if (task_list_create(k, &list, &err)) {
		REQUIRE(!list && err.code && err.msg[0]);
		return;
	}
	REQUIRE(list->n <= RAM_SIZE / 512 + 1);
	for (size_t i = 0; i < list->n; i++) {
		const struct task *t = &list->v[i];

		REQUIRE(ends(t->comm, sizeof(t->comm)));
		REQUIRE(strchr("RSDTtXZPI", (int)t->state) && t->state);
		REQUIRE(task_at(list, t->addr) == t);
		REQUIRE(task_find(list, t->pid)->pid == t->pid);
		REQUIRE(!i || t[-1].tgid <= t->tgid);
	}
	task_list_destroy(list);
}

static void check_queues(struct kernel *k)
{
	struct runqueue *v = NULL;
	struct err err = {0};
	size_t n = 0;

	if (runqueues_create(k, &v, &n, &err)) {
		REQUIRE(!v && err.code && err.msg[0]);
		return;
	}
	REQUIRE(n == k->n_cpus);
	for (size_t i = 0; i < n; i++)
		REQUIRE(v[i].waiting <= RAM_SIZE / 8);
	free(v);
}

static void check_memory(struct kernel *k)
{
	struct memory *mem = NULL;
	struct err err = {0};

	REQUIRE(!memory_create(k, &mem, &err));
	REQUIRE(mem->n_counters <= MEMORY_MAX_COUNTERS && mem->n_slabs <= MEMORY_MAX_SLABS);
	for (size_t i = 0; i < mem->n_slabs; i++) {
		REQUIRE(ends(mem->slabs[i].name, sizeof(mem->slabs[i].name)));
		REQUIRE(mem->slabs[i].bytes <= RAM_SIZE);
		REQUIRE(!i || mem->slabs[i - 1].bytes >= mem->slabs[i].bytes);
	}
	memory_destroy(mem);
}

static void check_system(struct kernel *k)
{
	struct system_taint taints[SYSTEM_MAX_TAINTS];
	struct system_info *si = NULL;
	struct iomem_list *list = NULL;
	struct err err = {0};

	REQUIRE(!system_info_create(k, &si, &err));
	REQUIRE((int64_t)si->uptime_ns >= 0 && (int64_t)si->realtime_ns >= 0);
	REQUIRE(si->n_dmi <= SYSTEM_MAX_DMI && si->n_hwerr <= SYSTEM_MAX_HWERR);
	REQUIRE(ends(si->cpu_model, sizeof(si->cpu_model)));
	REQUIRE(system_taints(si->taint_mask, taints) <= SYSTEM_MAX_TAINTS);
	system_info_destroy(si);
	if (iomem_list_create(k, &list, &err)) {
		REQUIRE(!list && err.code && err.msg[0]);
		return;
	}
	REQUIRE(list->n <= IOMEM_MAX);
	for (size_t i = 0; i < list->n; i++) {
		REQUIRE(list->v[i].start <= list->v[i].end);
		REQUIRE(list->v[i].depth <= (i ? list->v[i - 1].depth + 1 : 0));
		REQUIRE(ends(list->v[i].name, sizeof(list->v[i].name)));
	}
	iomem_list_destroy(list);
}

static void check_modules(struct kernel *k)
{
	struct module_list *list = NULL;
	struct err err = {0};

	REQUIRE(!module_list_create(k, &list, &err));
	REQUIRE(list->n <= MODULE_MAX);
	for (size_t i = 0; i < list->n; i++)
		REQUIRE(ends(list->v[i].name, sizeof(list->v[i].name)));
	module_list_destroy(list);
}

static int hear(void *ctx, const struct printk_record *rec, struct err *err)
{
	uint64_t *sum = ctx;

	(void)err;
	REQUIRE(rec->level < 8 && (rec->has_level || !rec->level));
	for (size_t i = 0; i < rec->len; i++)
		*sum += (uint8_t)rec->text[i];
	return 0;
}

static void use(struct machine *m)
{
	static const char common[] = FAKE_TYPES_BASIC FAKE_TYPES_SCHED FAKE_TYPES_TASK
		FAKE_TYPES_MEMORY FAKE_TYPES_SYSTEM FAKE_TYPES_MODULE;
	struct printk_stats stats;
	struct image *img = NULL;
	struct kernel *k = NULL;
	struct err err = {0};
	uint64_t sum = 0;
	static struct bytes made[4]; /* for each layout, once */
	struct bytes *types = &made[m->how >> 1 & 3];
	uint8_t *btf;

	if (image_create(&m->src, &img, &err))
		return;
	REQUIRE(!kernel_create(img, &k, &err));
	if (!types->data) {
		char text_of[sizeof(common) + 1024];

		snprintf(text_of, sizeof(text_of), "%s%s%s", common,
			 m->how & 2 ? FAKE_TYPES_MM_NEW : FAKE_TYPES_MM_OLD,
			 m->how & 4 ? FAKE_TYPES_TK_DATA : FAKE_TYPES_TK_CORE);
		types->len = fake_types_make(text_of, &btf);
		types->data = btf;
	}
	btf = malloc(types->len);
	REQUIRE(btf);
	memcpy(btf, types->data, types->len);
	REQUIRE(!k->btf && !btf_create(btf, types->len, NULL, &k->btf, &err));
	check_tasks(k);
	check_queues(k);
	check_memory(k);
	check_system(k);
	check_modules(k);
	if (printk_walk_kernel(k, hear, &sum, &stats, &err))
		REQUIRE(err.code && err.msg[0]);
	kernel_destroy(k);
	image_destroy(img);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine m;

	if (!size)
		return 0;
	machine_init(&m, data, size);
	use(&m);
	machine_deinit(&m);
	return 0;
}
