// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The purgatory: see purgatory.h. Nothing here may wait for ever: a machine that restarts is found by its users, one
 * that hangs is not. There is no clock to ask and nobody to return to, so every wait is a counted number of reads.
 */
#include "arch/x86_64/purgatory/verify.h"

/* 8250 UART, offsets from its port: National Semiconductor PC16550D, table II */
#define UART_DATA   0
#define UART_STATUS 5
#define UART_EMPTY  0x20 /* in the status: the transmitter takes another byte */

/*
 * How often a device is asked before it counts as dead. A read takes 0.05 us in an emulator, 1 us on a board, 10 us in
 * some virtual machines: 1200 baud need 134 ms to empty a full queue, and the timer 50 ms.
 */
#define UART_PATIENCE 1000000

/* Text screen of a VGA: 80 columns of a character and an attribute, somewhere in 32 KiB */
#define SCREEN         0xb8000
#define SCREEN_CELLS   16384
#define SCREEN_COLUMNS 80
#define SCREEN_ALARM   0x4f /* white on red */
#define CRTC_INDEX     0x3d4
#define CRTC_DATA      0x3d5
#define CRTC_START     0x0c /* high byte of the first visible cell; the low one follows */

/* Timer 8254: channel 2 is the speaker's, and the only one whose output can be read. */
#define PIT_CHANNEL2     0x42
#define PIT_CONTROL      0x43
#define PIT_COUNT2_MODE0 0xb0
#define PIT_TICKS        59659 /* 50 ms of 1193182 Hz */
#define PIT_GATES        0x61
#define GATE_ON          0x01
#define GATE_SPEAKER     0x02
#define GATE_OUTPUT      0x20
#define PIT_PATIENCE     2000000

#define WAIT_ROUNDS 200 /* of 50 ms */

/* A write there does nothing and takes about 1 us on a board; this many stand in for 50 ms where no timer is. */
#define POST_PORT   0x80
#define ROUND_POSTS 25000

#define RESET_CONTROL     0xcf9
#define KEYBOARD_COMMAND  0x64
#define KEYBOARD_BUSY     0x02
#define KEYBOARD_RESET    0xfe
#define KEYBOARD_PATIENCE 100000

void purgatory_main(void);
void purgatory_jump(uint64_t entry, uint64_t boot_params) __attribute__((noreturn));
void purgatory_triple_fault(void) __attribute__((noreturn));

/* Not const: the loader fills it in, the compiler must not believe these values. */
struct purgatory_params purgatory_params __attribute__((section(".params"), aligned(64))) = {
	.magic = PURGATORY_MAGIC,
};

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* False: nothing is there, or it takes no more. */
static bool serial_put(uint16_t port, char c)
{
	for (int i = 0; i < UART_PATIENCE; i++) {
		uint8_t status = inb(port + UART_STATUS);

		if (status == 0xff)
			return false;
		if (status & UART_EMPTY) {
			outb(port + UART_DATA, (uint8_t)c);
			return true;
		}
	}
	return false;
}

/* As the crashed kernel had set it up: its console is on this port. */
static void serial_say(uint16_t port, const char *text)
{
	static const char line_end[] = "\r\n";
	const char *parts[] = {line_end, text, line_end};

	for (int i = 0; i < 3; i++) {
		for (const char *c = parts[i]; *c; c++) {
			if (!serial_put(port, *c))
				return;
		}
	}
}

/* The top line of what is visible: consoles scroll by moving the screen's start. Without a VGA it is seen by nobody. */
static void screen_say(const char *text)
{
	volatile uint16_t *cells = (volatile uint16_t *)SCREEN;
	unsigned int start;

	outb(CRTC_INDEX, CRTC_START);
	start = (unsigned int)inb(CRTC_DATA) << 8;
	outb(CRTC_INDEX, CRTC_START + 1);
	start |= inb(CRTC_DATA);
	for (unsigned int i = 0; i < SCREEN_COLUMNS; i++) {
		uint8_t c = *text ? (uint8_t)*text++ : ' ';

		cells[(start + i) % SCREEN_CELLS] = (uint16_t)(SCREEN_ALARM << 8 | c);
	}
}

/* 50 ms by the timer; false: there is none. */
static bool timer_wait(void)
{
	outb(PIT_GATES, (inb(PIT_GATES) & ~GATE_SPEAKER) | GATE_ON);
	outb(PIT_CONTROL, PIT_COUNT2_MODE0);
	outb(PIT_CHANNEL2, PIT_TICKS & 0xff);
	outb(PIT_CHANNEL2, PIT_TICKS >> 8);
	/* In this mode the output falls at once, and rises at the end. */
	if (inb(PIT_GATES) & GATE_OUTPUT)
		return false;
	for (int i = 0; i < PIT_PATIENCE; i++) {
		if (inb(PIT_GATES) & GATE_OUTPUT)
			return true;
	}
	return false;
}

/* Some 10 s, about 5 s without a timer, so that whoever stands there can read the screen. */
static void wait_to_be_read(void)
{
	bool timer = true;

	for (int round = 0; round < WAIT_ROUNDS; round++) {
		timer = timer && timer_wait();
		for (int i = 0; !timer && i < ROUND_POSTS; i++)
			outb(POST_PORT, 0);
	}
}

static void pause_briefly(void)
{
	for (int i = 0; i < 100000; i++)
		outb(POST_PORT, 0);
}

/* By the chipset, by the keyboard controller, by the processor: the last one cannot fail. */
static void __attribute__((noreturn)) restart_machine(void)
{
	uint8_t control = inb(RESET_CONTROL) & (uint8_t)~0x0e;

	/* bit 1: a hard reset, bit 3: of the power too; bit 2 rising: now */
	outb(RESET_CONTROL, control | 0x02);
	outb(RESET_CONTROL, control | 0x0e);
	pause_briefly();

	for (int i = 0; i < KEYBOARD_PATIENCE && inb(KEYBOARD_COMMAND) & KEYBOARD_BUSY; i++)
		;
	outb(KEYBOARD_COMMAND, KEYBOARD_RESET);
	pause_briefly();

	purgatory_triple_fault();
}

void purgatory_main(void)
{
	const struct purgatory_params *p = &purgatory_params;
	enum purgatory_verdict verdict = purgatory_verify(p);
	uint16_t port = purgatory_port(p, verdict);
	const char *text;

	if (verdict == PURGATORY_GOOD)
		purgatory_jump(p->entry, p->boot_params);
	text = verdict == PURGATORY_BAD_REGIONS
		       ? "lifeboat: the staged kernel is damaged (SHA-256 does not match), "
			 "restarting"
		       : "lifeboat: the staged kernel's list of parts is damaged, restarting";
	screen_say(text);
	if (port)
		serial_say(port, text);
	wait_to_be_read();
	restart_machine();
}
