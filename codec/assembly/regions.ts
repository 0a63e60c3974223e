// The exchange buffer: one fixed memory of 1 MiB that never grows, so that a view or a pointer into
// it stays valid for the life of the process. AssemblyScript and TypeScript both import this file.

/** Four words that say why a call returned -1: code, offset, the value found, the value needed. */
export const FAILURE_AT = 0x0c00;
/** Input records of a batch, 32 bytes each. */
export const BATCH_AT = 0x1000;
export const BATCH_RECORD_LEN = 32;
export const BATCH_MAX = 1024;
/** Messages on their way to the kernel. */
export const SEND_AT = 0x10000;
export const SEND_LEN = 0x10000;
/** Messages from the kernel: one read of up to `CHUNK_MAX` bytes, or many slots of `SLOT_LEN`. */
export const RECEIVE_AT = 0x20000;
export const RECEIVE_LEN = 0x40000;
export const SLOT_LEN = 0x1000;
/** A message to be drawn as a tree of fields, put here so that drawing it disturbs no transfer. */
export const SCRATCH_AT = 0x60000;
export const SCRATCH_LEN = 0x10000;
/** The longest run of messages that one call decodes. */
export const CHUNK_MAX = 0x10000;
/** What a decoded chunk says, 64 bytes a message. */
export const RECORDS_AT = 0x70000;
export const RECORD_LEN = 64;
/** What a decoded tree says, 12 bytes a field. */
export const FIELDS_AT = 0xb0000;
export const FIELDS_LEN = 0x50000;
export const FIELD_LEN = 12;
/** The whole memory, in pages of 64 KiB. */
export const MEMORY_PAGES = 16;
