/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The purgatory's beginning and end: from the state that relocate_kernel leaves (64-bit mode, everything mapped at its
 * physical address, no interrupts, neither stack nor descriptor tables; arch/x86/kernel/relocate_kernel_64.S) to
 * the state that the 64-bit boot protocol wants (Documentation/arch/x86/boot.rst).
 */
#include "arch/x86_64/purgatory/purgatory.h"

#define BOOT_CS 0x10
#define BOOT_DS 0x18
#define STACK_SIZE 16384

	.code64
	.section .head, "ax", @progbits
	.globl	purgatory_start
purgatory_start:
	jmp	start

	.org	PURGATORY_MEMORY
	.long	purgatory_end - purgatory_start

	.text
start:
	cli
	cld
	leaq	stack_top(%rip), %rsp

	/* No handlers: what goes wrong from here on resets the processor, and with it the machine. */
	subq	$16, %rsp
	movw	$0, 6(%rsp)
	movq	$0, 8(%rsp)
	lidt	6(%rsp)

	/* The descriptor of the table is made on the stack: it holds an address, and the binary holds none. */
	leaq	gdt(%rip), %rax
	movw	$(gdt_end - gdt - 1), 6(%rsp)
	movq	%rax, 8(%rsp)
	lgdt	6(%rsp)
	addq	$16, %rsp

	movl	$BOOT_DS, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	movl	%eax, %fs
	movl	%eax, %gs
	leaq	1f(%rip), %rax
	pushq	$BOOT_CS
	pushq	%rax
	lretq
1:
	xorl	%ebp, %ebp
	call	purgatory_main

	/* not reached */
	ud2

	/* purgatory_jump(entry, boot_params): all registers but %rsi and the stack's are 0. */
	.globl	purgatory_jump
purgatory_jump:
	pushq	%rdi
	xorl	%eax, %eax
	xorl	%ebx, %ebx
	xorl	%ecx, %ecx
	xorl	%edx, %edx
	xorl	%edi, %edi
	xorl	%ebp, %ebp
	xorl	%r8d, %r8d
	xorl	%r9d, %r9d
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	ret

	/* An exception that nobody handles, while handling one: the processor shuts down, the chipset resets it. */
	.globl	purgatory_triple_fault
purgatory_triple_fault:
	subq	$16, %rsp
	movw	$0, 6(%rsp)
	movq	$0, 8(%rsp)
	lidt	6(%rsp)
	ud2

	/* gcc calls these two of its own accord. */
	.globl	memcpy
memcpy:
	movq	%rdi, %rax
	movq	%rdx, %rcx
	rep movsb
	ret

	.globl	memset
memset:
	movq	%rdi, %r8
	movl	%esi, %eax
	movq	%rdx, %rcx
	rep stosb
	movq	%r8, %rax
	ret

	.section .rodata
	.balign	16
gdt:
	.quad	0
	.quad	0
	.quad	0x00af9b000000ffff	/* BOOT_CS: 64-bit code, execute and read */
	.quad	0x00cf93000000ffff	/* BOOT_DS: flat data, read and write */
gdt_end:

	.bss
	.balign	16
	.skip	STACK_SIZE
stack_top:

	.section .note.GNU-stack, "", @progbits
