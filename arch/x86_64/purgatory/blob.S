/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The purgatory's binary as data of the program: see purgatory_blob.c. For the host's assembler, whatever that is. */
	.section .rodata.purgatory, "a"
	.balign	8
	.globl	purgatory_blob_start
	.globl	purgatory_blob_end
	.hidden	purgatory_blob_start
	.hidden	purgatory_blob_end
purgatory_blob_start:
	.incbin	PURGATORY_BIN
purgatory_blob_end:

	.section .note.GNU-stack, "", %progbits
