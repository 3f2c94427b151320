// SPDX-License-Identifier: GPL-2.0-or-later
#include "crash/detail.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "crash/line.h"

#define COMM_MAX 20 /* bytes that are printed of it at most */

#define COPY(to, from, len) \
	snprintf(to, sizeof(to), "%.*s", (int)NUM_MIN((size_t)(len), sizeof(to) - 1), from)

static void set_task(struct crash *c, const char *comm, size_t len, uint64_t pid)
{
	if (!c || c->pid >= 0 || pid > INT32_MAX)
		return;
	COPY(c->comm, comm, len);
	c->pid = (int64_t)pid;
}

static void set_cpu(struct crash *c, uint64_t cpu)
{
	if (c && c->cpu < 0 && cpu < 1 << 20)
		c->cpu = (int)cpu;
}

/* "Tainted: G        W  O       6.1.0 #1 …", "Not tainted 6.1.0 #1 …" */
static bool take_taints(struct detail *d, const char *s)
{
	const char *at = line_after(s, "Not tainted ");
	const char *flags = at ? NULL : line_after(s, "Tainted: ");
	size_t len;

	if (!at && !flags)
		return false;
	if (flags && *flags == '[') /* "[W]=WARN, [O]=OOT_MODULE": the same in words */
		return true;
	if (flags) {
		at = flags;
		while (*at == ' ' || (isupper((unsigned char)*at) &&
				      (at[1] == ' ' || isupper((unsigned char)at[1]))))
			at++;
		len = (size_t)(at - flags);
		while (len && flags[len - 1] == ' ')
			len--;
		COPY(d->taints, flags, len);
	} else {
		*d->taints = '\0';
	}
	d->taints_known = true;
	len = strcspn(at, " ");
	if (len)
		COPY(d->release, at, len);
	return true;
}

/* A task may be called "x Not tainted": the last place where its name can end is where it ends. */
static size_t comm_len(const char *s)
{
	static const char *const ends[] = {" Kdump: loaded ", " Not tainted ", " Tainted: "};
	size_t taint = 0, kdump = 0, max = strlen(s);

	for (size_t n = 0; n <= NUM_MIN(max, (size_t)COMM_MAX + 14); n++) {
		if (line_after(s + n, ends[0]) && n <= COMM_MAX)
			kdump = n;
		if (line_after(s + n, ends[1]) || line_after(s + n, ends[2]))
			taint = n;
	}
	if (kdump && kdump + strlen(ends[0]) - 1 == taint)
		return kdump;
	return taint && taint <= COMM_MAX ? taint : NUM_MIN(max, (size_t)COMM_MAX);
}

/* "CPU: 0 UID: 0 PID: 1 Comm: init Kdump: loaded Not tainted 6.12.0 #1 Debian …"; the UID since 6.12 */
static bool take_cpu(struct detail *d, struct crash *c, const char *s)
{
	uint64_t cpu, pid = 0, uid;
	const char *at = line_after(s, "CPU: "), *next;
	size_t len;

	if (!at || !(at = line_decimal(at, &cpu)))
		return false;
	next = line_after(at, " UID: ");
	if (next && (next = line_decimal(next, &uid)))
		at = next;
	at = line_after(at, " PID: ");
	if (!at || !(at = line_decimal(at, &pid)) || !(at = line_after(at, " Comm: ")))
		return false;
	set_cpu(c, cpu);
	len = comm_len(at);
	set_task(c, at, len, pid);
	at += len;
	next = line_after(at, " Kdump: loaded");
	at = next ? next : at;
	take_taints(d, at + (*at == ' '));
	return true;
}

/* "task:kworker/0:1 state:D stack:0 pid:12 tgid:12 ppid:2 …"; before 5.12 it was a table without names */
static bool take_task(struct crash *c, const char *s)
{
	const char *name = line_after(s, "task:"), *end, *at;
	uint64_t pid;

	end = name ? strstr(name, "state:") : NULL;
	at = end ? strstr(end, "pid:") : NULL;
	if (!at || !line_decimal(at + 4 + strspn(at + 4, " "), &pid))
		return false;
	while (end > name && end[-1] == ' ')
		end--;
	set_task(c, name, (size_t)(end - name), pid);
	return true;
}

/* "Read of size 8 at addr ffff888100000000 by task cat/123" */
static bool take_access(struct crash *c, const char *s)
{
	const char *at, *slash;
	uint64_t v;

	if (!line_after(s, "Read of size ") && !line_after(s, "Write of size "))
		return false;
	at = strstr(s, " at addr ");
	if (!c || !at)
		return true;
	if (!c->has_fault_address && (line_hex(at + 9, &c->fault_address)))
		c->has_fault_address = true;
	at = strstr(at, " by task ");
	slash = at ? strrchr(at, '/') : NULL;
	if (slash && line_decimal(slash + 1, &v))
		set_task(c, at + 9, (size_t)(slash - at - 9), v);
	return true;
}

/* A list of modules is longer than a record of printk: further records begin in the middle of it. */
static bool is_module_list(const char *s)
{
	for (size_t len; *s; s += len + strspn(s + len, " ")) {
		len = strcspn(s, " ");
		if (strspn(s,
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-()+") <
			    len &&
		    *s != '[')
			return false;
		if (*s == '[')
			return line_after(s, "[last unloaded: ") != NULL;
	}
	return true;
}

static bool take_modules(struct detail *d, const char *s)
{
	const char *at = line_after(s, "Modules linked in:");
	size_t n;

	if (!at && (!d->more_modules || !*s || !is_module_list(s))) {
		d->more_modules = false;
		return false;
	}
	if (at)
		*d->modules = '\0';
	else
		at = s;
	at += strspn(at, " ");
	n = strlen(d->modules);
	snprintf(d->modules + n, sizeof(d->modules) - n, "%s%s", n ? " " : "", at);
	/* a word that was cut is no name */
	if (strlen(d->modules) == sizeof(d->modules) - 1 && strrchr(d->modules, ' '))
		*strrchr(d->modules, ' ') = '\0';
	d->more_modules = !strchr(at, '[');
	return true;
}

bool detail_feed(struct detail *d, struct crash *c, const char *text)
{
	const char *at;
	uint64_t v;

	if (take_modules(d, text) || take_cpu(d, c, text) || take_taints(d, text) ||
	    take_task(c, text) || take_access(c, text))
		return true;
	at = line_after(text, "Hardware name: ");
	if (at) {
		COPY(d->hardware, at, strlen(at));
		return true;
	}
	at = line_after(text, "DMI: ");
	at = at ? at : line_after(text, "Machine model: ");
	if (at && !*d->hardware)
		COPY(d->hardware, at, strlen(at));
	at = line_after(text, "Linux version ");
	if (at && !*d->release)
		COPY(d->release, at, strcspn(at, " "));
	at = line_after(text, "CR2: ");
	if (!at || !c || !line_hex(at, &v))
		return false;
	if (!c->has_fault_address &&
	    (c->cls == CRASH_NULL_DEREF || c->cls == CRASH_BAD_PAGE_FAULT)) {
		c->fault_address = v;
		c->has_fault_address = true;
	}
	return true;
}

/* ---- titles */

/* "… stuck for 22s! [comm:123]" */
static void take_locked(struct crash *c, const char *s)
{
	const char *at = strstr(s, "CPU#"), *open = strstr(s, "! ["), *colon = strrchr(s, ':');
	uint64_t v;

	if (at && line_decimal(at + 4, &v))
		set_cpu(c, v);
	if (open && colon > open && (at = line_decimal(colon + 1, &v)) && *at == ']')
		set_task(c, open + 3, (size_t)(colon - open - 3), v);
}

/* "INFO: task comm:123 blocked for more than 120 seconds." */
static void take_hung(struct crash *c, const char *s)
{
	const char *name = strstr(s, "INFO: task "), *end = strstr(s, " blocked "), *at;
	uint64_t v;

	if (!name || !end)
		return;
	name += 11;
	for (at = end; at > name && at[-1] != ':';)
		at--;
	if (at > name && line_decimal(at, &v))
		set_task(c, name, (size_t)(at - 1 - name), v);
}

static void take_address(struct crash *c, const char *s)
{
	static const char *const before[] = {"address: ",           "for address: ",
					     "at virtual address ", "non-canonical address ",
					     "dereference at ",     "paging request at "};

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		const char *at = strstr(s, before[i]);

		if (!at)
			continue;
		at += strlen(before[i]);
		at += strspn(at, " ");
		if (line_after(at, "(null)"))
			c->fault_address = 0;
		else if (!line_hex(at, &c->fault_address))
			continue;
		c->has_fault_address = true;
		return;
	}
}

/* "WARNING: CPU: 1 PID: 12 at f.c:1 f+0x1/0x2"; since 6.19 "WARNING: f.c:1 at f+0x1/0x2, CPU#1: comm/12" */
static void take_warning(struct crash *c, const char *s)
{
	const char *at = line_after(s, "WARNING: CPU: "), *slash;
	uint64_t v;

	if (at) {
		if (line_decimal(at, &v))
			set_cpu(c, v);
		return;
	}
	at = strstr(s, ", CPU#");
	slash = at ? strrchr(at, '/') : NULL;
	if (!slash || !(at = line_decimal(at + 6, &v)) || !line_after(at, ": "))
		return;
	set_cpu(c, v);
	if (line_decimal(slash + 1, &v))
		set_task(c, at + 2, (size_t)(slash - at - 2), v);
}

void detail_title(struct crash *c, const char *text)
{
	const char *at;
	uint64_t v;

	if (c->cls == CRASH_SOFT_LOCKUP)
		take_locked(c, text);
	if (c->cls == CRASH_HUNG_TASK)
		take_hung(c, text);
	if (c->cls == CRASH_WARN || c->cls == CRASH_LIST)
		take_warning(c, text);
	if (c->cls == CRASH_NULL_DEREF || c->cls == CRASH_BAD_PAGE_FAULT || c->cls == CRASH_GPF)
		take_address(c, text);
	at = c->cls == CRASH_HARD_LOCKUP ? strstr(text, " on cpu ") : NULL;
	if (at && line_decimal(at + 8, &v))
		set_cpu(c, v);
}

void detail_fill(const struct detail *d, struct crash *c)
{
	COPY(c->release, d->release, strlen(d->release));
	COPY(c->hardware, d->hardware, strlen(d->hardware));
	COPY(c->taints, d->taints, strlen(d->taints));
	c->taints_known = d->taints_known;
}
