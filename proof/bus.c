// SPDX-License-Identifier: GPL-2.0-or-later
#include "proof/bus.h"

#include <stdio.h>
#include <string.h>

#include "config/chain.h"
#include "config/kmods.h"
#include "config/realpath.h"

/*
 * QEMU's names: docs/system/devices and `qemu-system-x86_64 -device help`. Controllers of USB come from the second table, since
 * their drivers are others. Those for virtual machines first: bus_of_image() takes the first that can be had.
 */
static const struct bus_model models[] = {
	{"virtio_blk", {"virtio_pci", "virtio_blk"}, {NULL}, "virtio-blk-pci"},
	{"virtio_scsi",
	 {"virtio_pci", "virtio_scsi", "sd_mod"},
	 {"virtio-scsi-pci,id=c#"},
	 "scsi-hd,bus=c#.0"},
	{"nvme", {"nvme"}, {NULL}, "nvme,serial=scratch#"},
	{"ahci", {"ahci", "sd_mod"}, {"ich9-ahci,id=c#"}, "ide-hd,bus=c#.0"},
	{"ata_piix", {"ata_piix", "sd_mod"}, {"piix3-ide,id=c#"}, "ide-hd,bus=c#.0"},
	{"megaraid_sas", {"megaraid_sas", "sd_mod"}, {"megasas-gen2,id=c#"}, "scsi-hd,bus=c#.0"},
	{"mptsas", {"mptsas", "sd_mod"}, {"mptsas1068,id=c#"}, "scsi-hd,bus=c#.0"},
	{"vmw_pvscsi", {"vmw_pvscsi", "sd_mod"}, {"pvscsi,id=c#"}, "scsi-hd,bus=c#.0"},
	{"sym53c8xx", {"sym53c8xx", "sd_mod"}, {"lsi53c895a,id=c#"}, "scsi-hd,bus=c#.0"},
};

static const struct bus_model usb_models[] = {
	{"xhci_hcd",
	 {"xhci_pci", "usb_storage", "sd_mod"},
	 {"qemu-xhci,id=c#"},
	 "usb-storage,bus=c#.0"},
	{"ehci-pci",
	 {"ehci_pci", "usb_storage", "sd_mod"},
	 {"usb-ehci,id=c#"},
	 "usb-storage,bus=c#.0"},
	{"uhci_hcd",
	 {"uhci_hcd", "usb_storage", "sd_mod"},
	 {"piix3-usb-uhci,id=c#"},
	 "usb-storage,bus=c#.0"},
};

static const struct bus_model uas_model = {"uas",
					   {"xhci_pci", "uas", "sd_mod"},
					   {"qemu-xhci,id=c#", "usb-uas,bus=c#.0,id=u#"},
					   "scsi-hd,bus=u#.0"};

static bool same_driver(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !((*a == '-' || *a == '_') && (*b == '-' || *b == '_')))
			return false;
	return *a == *b;
}

static const struct bus_model *find(const struct bus_model *v, size_t n, const char *driver)
{
	for (size_t i = 0; i < n; i++)
		if (same_driver(v[i].driver, driver))
			return &v[i];
	return NULL;
}

/* xhci_pci is the glue of xhci_hcd: the device is bound to the one or the other, by the kernel's age. */
static const char *plain_name(const char *driver)
{
	return same_driver(driver, "xhci_pci") ? "xhci_hcd" : driver;
}

static bool driver_of(const struct root *root, const char *node, char ret[NAME_MAX + 1])
{
	char link[PATH_MAX], real[PATH_MAX];

	if (snprintf(link, sizeof(link), "%s/driver", node) >= PATH_MAX ||
	    !realpath_below(root, link, real))
		return false;
	snprintf(ret, NAME_MAX + 1, "%s", strrchr(real, '/') + 1);
	return true;
}

/* The way up from the disk, driver by driver. */
struct climb {
	bool usb_storage, uas;
	const struct bus_model *virtio; /* what it is if its transport is PCI */
};

/* True: *ret_model is the answer. */
static bool look(struct climb *c, const char *driver, const struct bus_model **ret_model)
{
	const struct bus_model *model;

	if (c->virtio) {
		*ret_model = same_driver(driver, "virtio-pci") ? c->virtio : NULL;
		return true;
	}
	if (c->usb_storage || c->uas) {
		model = find(usb_models, ARRAY_SIZE(usb_models), plain_name(driver));
		*ret_model = model && c->uas ? &uas_model : model;
		return model;
	}
	c->usb_storage = same_driver(driver, "usb-storage");
	c->uas = same_driver(driver, "uas");
	model = find(models, ARRAY_SIZE(models), driver);
	if (model && strncmp(model->driver, "virtio_", 7) == 0) {
		c->virtio = model;
		return false;
	}
	*ret_model = model;
	return model;
}

static void add_name(char names[128], const char *driver)
{
	size_t len = strlen(names);

	snprintf(names + len, 128 - len, "%s%.60s", len ? " on " : "", driver);
}

const struct bus_model *bus_of_disk(const struct root *root, const char *node, char ret_real[128])
{
	const struct bus_model *model = NULL;
	struct climb climb = {0};
	struct chain_disk disk;
	struct err ignored;

	ret_real[0] = '\0';
	if (chain_disk_by_node(root, node, &disk, &ignored)) {
		snprintf(ret_real, 128, "a disk that is not there");
		return NULL;
	}
	/* a disk of several paths hangs on none of them (config/chain.c) */
	if (strncmp(disk.name, "nvme", 4) == 0)
		return find(models, ARRAY_SIZE(models), "nvme");
	for (; strlen(disk.sysfs) > strlen("/sys/devices"); *strrchr(disk.sysfs, '/') = '\0') {
		char driver[NAME_MAX + 1];

		if (!driver_of(root, disk.sysfs, driver))
			continue;
		add_name(ret_real, driver);
		if (look(&climb, driver, &model))
			return model;
	}
	if (!*ret_real)
		snprintf(ret_real, 128, "a disk without a driver");
	return NULL;
}

static bool can_do(const struct bus_model *m, const struct kmods *kmods,
		   const struct armed_image *image)
{
	for (size_t i = 0; i < ARRAY_SIZE(m->modules) && m->modules[i]; i++)
		if (!armed_image_has(image, m->modules[i]) &&
		    kmods_find(kmods, m->modules[i]) != KMODS_BUILTIN)
			return false;
	return true;
}

const struct bus_model *bus_of_image(const struct root *root, const char *version,
				     const struct armed_image *image)
{
	const struct bus_model *found = NULL;
	struct kmods *kmods;
	struct err ignored;

	if (!*version || kmods_create(root, version, &kmods, &ignored))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(models) && !found; i++)
		if (can_do(&models[i], kmods, image))
			found = &models[i];
	for (size_t i = 0; i < ARRAY_SIZE(usb_models) && !found; i++)
		if (can_do(&usb_models[i], kmods, image))
			found = &usb_models[i];
	kmods_destroy(kmods);
	return found;
}
