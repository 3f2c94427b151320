/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both ends of the purgatory in a virtual machine, see purgatory.py: what comes before it leaves the processor as the
 * kernel's relocate_kernel does, or worse; what comes after it says whether all is as the boot protocol wants.
 * One flat image for QEMU's multiboot loader, linked at LOAD; the payload runs wherever it is copied to.
 */
#define LOAD      0x100000
#define TABLES    0x200000
#define PURGATORY 0x400000
#define PAYLOAD   0x1000 /* offset in this file */

#define MULTIBOOT_MAGIC 0x1badb002
#define MULTIBOOT_FLAT  0x10000
#define COM1            0x3f8
#define EXIT_PORT       0xf4
#define BOOT_PARAMS     0x12345678
#define SCREEN_START    560 /* first visible cell: scrolled by seven lines */

	.text
	.code32
	.globl	_start
_start:
	.long	MULTIBOOT_MAGIC, MULTIBOOT_FLAT, -(MULTIBOOT_MAGIC + MULTIBOOT_FLAT)
	.long	LOAD, LOAD, 0, 0, enter	/* header, load address; up to the file's end; no bss; entry */

enter:
	cli
	cld
	/* the first 4 GiB at their physical addresses, in pages of 2 MiB */
	movl	$TABLES, %edi
	xorl	%eax, %eax
	movl	$(6 * 1024), %ecx
	rep stosl
	movl	$(TABLES + 0x1003), TABLES
	movl	$(TABLES + 0x2003), TABLES + 0x1000
	movl	$(TABLES + 0x3003), TABLES + 0x1008
	movl	$(TABLES + 0x4003), TABLES + 0x1010
	movl	$(TABLES + 0x5003), TABLES + 0x1018
	movl	$(TABLES + 0x2000), %edi
	movl	$0x83, %eax
1:	movl	%eax, (%edi)
	addl	$8, %edi
	addl	$0x200000, %eax
	jnc	1b

	movl	%cr4, %eax
	orl	$0x20, %eax
	movl	%eax, %cr4
	movl	$TABLES, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	lgdt	table
	ljmp	$0x08, $1f

	.code64
1:
	/* a console that has scrolled */
	movw	$0x3d4, %dx
	movw	$(0x0c | (SCREEN_START >> 8) << 8), %ax
	outw	%ax, %dx
	movw	$(0x0d | (SCREEN_START & 0xff) << 8), %ax
	outw	%ax, %dx

	/* no tables, no stack, nothing in the registers that helps, and strings go down */
	lgdt	nothing
	lidt	nothing
	movq	$-1, %rax
	movq	%rax, %rbx
	movq	%rax, %rcx
	movq	%rax, %rdx
	movq	%rax, %rsi
	movq	%rax, %rdi
	movq	%rax, %rbp
	movq	%rax, %rsp
	movq	%rax, %r8
	movq	%rax, %r9
	movq	%rax, %r10
	movq	%rax, %r11
	movq	%rax, %r12
	movq	%rax, %r13
	movq	%rax, %r14
	movq	%rax, %r15
	std
	movl	$PURGATORY, %eax
	jmp	*%rax

	.balign	8
descriptors:
	.quad	0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
table:	.word	table - descriptors - 1
	.quad	descriptors
nothing:
	.word	0
	.quad	0

	/* In the place of a kernel: "payload: good" or "payload: bad", and QEMU ends with status 0x63 or 0x65. */
	.org	PAYLOAD
payload:
	orq	%rbx, %rax
	orq	%rcx, %rax
	orq	%rdx, %rax
	orq	%rdi, %rax
	orq	%rbp, %rax
	orq	%r8, %rax
	orq	%r9, %rax
	orq	%r10, %rax
	orq	%r11, %rax
	orq	%r12, %rax
	orq	%r13, %rax
	orq	%r14, %rax
	orq	%r15, %rax
	subq	$BOOT_PARAMS, %rsi
	orq	%rsi, %rax
	movl	%cs, %ebx
	xorl	$0x10, %ebx
	orq	%rbx, %rax
	movl	%ds, %ebx
	xorl	$0x18, %ebx
	orq	%rbx, %rax
	movl	%es, %ebx
	xorl	$0x18, %ebx
	orq	%rbx, %rax
	movl	%ss, %ebx
	xorl	$0x18, %ebx
	orq	%rbx, %rax
	pushfq
	popq	%rbx
	andq	$0x600, %rbx	/* interrupts, direction */
	orq	%rbx, %rax
	/* the table is there, and its code segment can be loaded */
	leaq	2f(%rip), %rbx
	pushq	$0x10
	pushq	%rbx
	lretq
2:
	leaq	good(%rip), %rsi
	movb	$0x31, %bl
	testq	%rax, %rax
	jz	3f
	leaq	bad(%rip), %rsi
	movb	$0x32, %bl
3:
	movw	$COM1, %dx
4:	lodsb
	testb	%al, %al
	jz	5f
	outb	%al, %dx
	jmp	4b
5:
	movb	%bl, %al
	outb	%al, $EXIT_PORT
6:	hlt
	jmp	6b
good:	.asciz	"payload: good\n"
bad:	.asciz	"payload: bad\n"

	.section .note.GNU-stack, "", @progbits
