// The limit: each work of the table written by hand for this one shape of message, compiled by the machine's compiler.
//   hand CHUNK ACKS RECORDS   prints "work nanoseconds" a line
// RECORDS is what the codec writes for CHUNK: the dump is read into the same records, or nothing is measured.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLOT 4160
#define ALIGN4(n) (((n) + 3) & ~3u)

struct change { uint32_t type_flags, ifindex, handle, parent, action, limit; };
struct record { uint32_t type_flags, sequence, marks, ifindex, handle, parent, kind_reference, bytes[2], packets[2], qlen, backlog, drops, requeues, overlimits; };
struct kind { uint64_t key, rest, mask, unused; };

static uint8_t send_buffer[65536], receive_buffer[65536], slots[64 * SLOT];
static uint32_t slot_lengths[64];
static struct record records[4096];
static struct kind kinds[64];
static struct change changes[1024];

static inline void put32(uint8_t *to, uint32_t value) { memcpy(to, &value, 4); }
static inline void put64(uint8_t *to, uint64_t value) { memcpy(to, &value, 8); }
static inline uint32_t get32(const uint8_t *from) { uint32_t value; memcpy(&value, from, 4); return value; }
static inline uint64_t get64(const uint8_t *from) { uint64_t value; memcpy(&value, from, 8); return value; }

static inline void write_change(uint8_t *to, uint32_t sequence, const struct change *c) {
  put64(to, 60 | (uint64_t)c->type_flags << 32);
  put64(to + 8, sequence);
  put64(to + 16, (uint64_t)c->ifindex << 32);
  put64(to + 24, c->handle | (uint64_t)c->parent << 32);
  put64(to + 32, (uint64_t)(9 | 1 << 16) << 32);
  put64(to + 40, 0x67756c70);
  put64(to + 48, (12 | 2 << 16) | (uint64_t)c->action << 32);
  put32(to + 56, c->limit);
}

__attribute__((noinline)) static size_t encode_one(uint32_t type_flags, uint32_t sequence, uint32_t ifindex, uint32_t handle, uint32_t parent, uint32_t action, uint32_t limit) {
  struct change c = { type_flags, ifindex, handle, parent, action, limit };
  write_change(send_buffer, sequence, &c);
  return 60;
}

__attribute__((noinline)) static size_t encode_batch(int count, uint32_t sequence) {
  uint8_t *to = send_buffer;
  for (int i = 0; i < count; i++, to += 60) write_change(to, sequence + i, &changes[i]);
  return to - send_buffer;
}

__attribute__((noinline)) static int verify_acks(int count, uint32_t sequence) {
  for (int i = 0; i < count; i++) {
    const uint8_t *at = slots + i * SLOT;
    if (slot_lengths[i] != 36 || (get64(at) & 0xffffffffffff) != (36 | 2ull << 32) || get32(at + 8) != sequence + i || get32(at + 16)) return i;
  }
  return count;
}

static inline uint32_t place_of(uint64_t key) { return key * 0x9e3779b97f4a7c15 >> 58; }
static inline int is_at(const struct kind *kind, const uint8_t *attribute) {
  return kind->key == get64(attribute) && kind->rest == (get64(attribute + 8) & kind->mask);
}

// Notes a kind that is met for the first time: of at most 12 bytes, and no two of them in one place.
__attribute__((noinline)) static int intern_kind(const uint8_t *attribute) {
  uint32_t length = get32(attribute) & 0xffff;
  struct kind *kind = &kinds[place_of(get64(attribute))];
  if (length < 6 || length > 16 || kind->key) return 0;
  uint64_t mask = length <= 8 ? 0 : ~0ull >> (16 - length) * 8;
  *kind = (struct kind){ get64(attribute), get64(attribute + 8) & mask, mask, 0 };
  return 1;
}

// The shape of a kernel for x86-64: TCA_KIND, perhaps TCA_OPTIONS, perhaps TCA_HW_OFFLOAD, TCA_STATS2, TCA_STATS. Every
// length and every header is checked, and every field of a record is written, as the codec does.
__attribute__((noinline)) static int decode_dump(size_t length) {
  size_t at = 0;
  int count = 0;
  while (at < length) {
    const uint8_t *m = receive_buffer + at;
    uint32_t size = get32(m);
    if (size < 136 || size > length - at || (get32(m + 4) & 0xffff) != 36) return -1;
    const uint8_t *s = m + size - 92;
    if (get64(s) != (48 | 7 << 16 | (uint64_t)(20 | 1 << 16) << 32) || get32(s + 24) != (24 | 3 << 16) || get32(s + 48) != (44 | 3 << 16)) return -1;
    uint32_t place = place_of(get64(m + 36));
    if (!is_at(&kinds[place], m + 36) && !intern_kind(m + 36)) return -1;
    const uint8_t *p = m + 36 + ALIGN4(get32(m + 36) & 0xffff);
    if (p > s) return -1;
    if ((get32(p) & 0x3fff0000) == 2 << 16) {
      if ((get32(p) & 0xffff) < 4) return -1;
      p += ALIGN4(get32(p) & 0xffff);
    }
    if (p != s && (p + 8 != s || get32(p) != (5 | 12 << 16))) return -1;
    struct record *r = &records[count++];
    r->type_flags = get32(m + 4);
    r->sequence = get32(m + 8);
    r->marks = (place + 1) << 24 | 0x300000 | (uint32_t)at;
    r->ifindex = get32(m + 20);
    r->handle = get32(m + 24);
    r->parent = get32(m + 28);
    r->kind_reference = 0;
    memcpy(r->bytes, s + 8, 8);
    r->packets[0] = get32(s + 16);
    r->packets[1] = 0;
    r->qlen = get32(s + 28);
    r->backlog = get32(s + 32);
    r->drops = get32(s + 36);
    r->requeues = get32(s + 40);
    r->overlimits = get32(s + 44);
    at += ALIGN4(size);
  }
  return count;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

// Doubles the rounds until they take a fifth of a second, which warms up too, and reports the fastest of five.
#define MEASURE(name, items, expression) do { \
  long rounds = 1; double best = 1e18; \
  for (double took = 0; took < 2e8; rounds *= 2) { double from = now(); for (long i = 0; i < rounds; i++) { expression; __asm__ volatile("" ::: "memory"); } took = now() - from; } \
  for (int run = 0; run < 5; run++) { double from = now(); for (long i = 0; i < rounds / 4; i++) { expression; __asm__ volatile("" ::: "memory"); } double took = (now() - from) / (rounds / 4) / (items); if (took < best) best = took; } \
  printf("%s %.4f\n", name, best); } while (0)

static size_t read_file(const char *path, uint8_t *to, size_t room) {
  FILE *file = fopen(path, "rb");
  if (!file) { perror(path); exit(1); }
  size_t length = fread(to, 1, room, file);
  fclose(file);
  return length;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  static uint8_t expected[sizeof records];
  size_t length = read_file(argv[1], receive_buffer, sizeof receive_buffer);
  read_file(argv[2], slots, sizeof slots);
  for (int i = 0; i < 64; i++) slot_lengths[i] = 36;
  for (int i = 0; i < 1024; i++) changes[i] = (struct change){ 36 | 5 << 16, i + 1, 0x504c0000, ~0u, 1, 0 };
  int messages = decode_dump(length);
  size_t written = read_file(argv[3], expected, sizeof expected);
  if (messages <= 0 || written != messages * sizeof *records || memcmp(records, expected, written) || verify_acks(64, 1) != 64) { fprintf(stderr, "The peer does not read its input\n"); return 1; }
  uint32_t sequence = 0;
  MEASURE("single", 1, sequence += encode_one(36 | 5 << 16, sequence, 2, 0x504c0000, ~0u, 1, 0) - 59);
  MEASURE("batch64", 64, sequence += encode_batch(64, sequence));
  MEASURE("batch1024", 1024, sequence += encode_batch(1024, sequence));
  MEASURE("acks-verified", 64, if (verify_acks(64, 1) != 64) abort());
  MEASURE("dump-records", messages, if (decode_dump(length) != messages) abort());
}
