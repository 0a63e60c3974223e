// Traffic that never pauses: numbered datagrams at a rate, or TCP in bulk, from one network namespace to another.
//
//   traffic udp|tcp CONTROL RATE SENDER_NETNS RECEIVER_NETNS ADDRESS PORT
//
// A namespace is a file, or "-" for this one. CONTROL is a file of 64 bytes that is mapped: byte 0 is a letter that
// says what is being done at this moment, byte 1 ends the traffic where it is "q"; the u64 at 8 is how many datagrams
// were sent, the u64 at 16 how many have arrived. What is lost is put down to the letter of the moment of its sending:
//
//   sent N | received N | rate N | lost LETTER PACKETS TIMES LONGEST_US | reordered N | duplicated N | overflowed N
//   sent BYTES | received BYTES | rate MBIT | retransmitted N            (tcp)
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define MAX (64u << 20)
#define QUIET_MS 700
#define BUFFER (256 << 20)
#define SO_MEMINFO_ 55
#define MEMINFO_DROPS 8

static volatile unsigned char *control;
static volatile uint64_t *sent, *received;
static double rate;
static unsigned char *letter_of, *seen;
static uint32_t *time_of; // microseconds since the first was sent, modulo 2^32
static uint64_t reordered, duplicated;
static struct sockaddr_in to;
static int sender, receiver;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1000000000ull + at.tv_nsec;
}

static int stopping(void) { return control[1] == 'q'; }

/** A socket of the namespace that a file stands for; the thread stays there. */
static int socket_in(const char *netns, int type) {
  if (strcmp(netns, "-") != 0) {
    int fd = open(netns, O_RDONLY);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) die(netns);
    close(fd);
  }
  int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  int size = BUFFER, one = 1;
  if (fd < 0) die("socket");
  if (type == SOCK_DGRAM) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  }
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  return fd;
}

static void *receive_datagrams(void *unused) {
  static uint32_t numbers[BATCH][16];
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  int64_t last = -1;
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){numbers[i], sizeof numbers[i]};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  for (;;) {
    struct pollfd ready = {receiver, POLLIN, 0};
    if (poll(&ready, 1, QUIET_MS) == 0 && stopping()) return unused;
    int count = recvmmsg(receiver, messages, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
      uint32_t number = numbers[i][0];
      if (number >= MAX) continue;
      if (seen[number]) duplicated++;
      else ++*received;
      seen[number] = 1;
      if (number < last) reordered++;
      else last = number;
    }
  }
}

static void *send_datagrams(void *unused) {
  static uint32_t numbers[BATCH][16];
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  uint64_t from = now(), due = 0;
  long pause = rate > 10000 ? 1000000 : 1e9 / rate;
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){numbers[i], sizeof numbers[i]};
    messages[i].msg_hdr = (struct msghdr){&to, sizeof to, &parts[i], 1, NULL, 0, 0};
  }
  uint64_t skipped = 0;
  while (!stopping() && *sent + BATCH < MAX) {
    uint64_t elapsed = now() - from;
    due = elapsed * rate / 1e9 - skipped;
    if (due > *sent + BATCH) skipped += due - *sent - BATCH, due = *sent + BATCH; // never catches up in a burst
    int count = due - *sent;
    if (count > 0) {
      uint32_t at = elapsed / 1000;
      for (int i = 0; i < count; i++) {
        numbers[i][0] = *sent + i;
        letter_of[*sent + i] = control[0];
        time_of[*sent + i] = at;
      }
      int done = sendmmsg(sender, messages, count, 0);
      if (done < 0 && errno != ENOBUFS) die("sendmmsg");
      if (done > 0) *sent += done;
    }
    struct timespec wait = {0, pause};
    if (due <= *sent) clock_nanosleep(CLOCK_MONOTONIC, 0, &wait, NULL);
  }
  printf("sent %lu\nrate %.0f\n", *sent, *sent * 1e9 / (now() - from));
  return unused;
}

static void report_losses(void) {
  uint64_t lost[256] = {0}, times[256] = {0}, longest[256] = {0};
  for (uint64_t i = 0; i < *sent; i++) {
    if (seen[i]) continue;
    unsigned char letter = letter_of[i];
    uint64_t first = i;
    for (; i < *sent && !seen[i]; i++) lost[letter_of[i]]++;
    times[letter]++;
    uint64_t gap = (uint32_t)(time_of[i < *sent ? i : i - 1] - time_of[first]);
    if (gap > longest[letter]) longest[letter] = gap;
  }
  for (int letter = 0; letter < 256; letter++)
    if (lost[letter]) printf("lost %c %lu %lu %lu\n", letter ? letter : '-', lost[letter], times[letter], longest[letter]);
}

static void udp(const char *from_netns, const char *to_netns) {
  pthread_t threads[2];
  letter_of = calloc(MAX, 1), seen = calloc(MAX, 1), time_of = calloc(MAX, 4);
  receiver = socket_in(to_netns, SOCK_DGRAM);
  if (bind(receiver, (struct sockaddr *)&to, sizeof to) < 0) die("bind");
  sender = socket_in(from_netns, SOCK_DGRAM);
  pthread_create(&threads[0], NULL, receive_datagrams, NULL);
  pthread_create(&threads[1], NULL, send_datagrams, NULL);
  pthread_join(threads[1], NULL);
  pthread_join(threads[0], NULL);
  uint32_t memory[16] = {0};
  socklen_t size = sizeof memory;
  getsockopt(receiver, SOL_SOCKET, SO_MEMINFO_, memory, &size);
  printf("received %lu\nreordered %lu\nduplicated %lu\noverflowed %u\n", *received, reordered, duplicated,
         memory[MEMINFO_DROPS]);
  report_losses();
}

static void *receive_bulk(void *unused) {
  static char buffer[1 << 18];
  int fd = accept(receiver, NULL, NULL);
  for (ssize_t count; (count = read(fd, buffer, sizeof buffer)) > 0;) *received += count;
  return unused;
}

static void tcp(const char *from_netns, const char *to_netns) {
  static char buffer[1 << 16];
  pthread_t thread;
  receiver = socket_in(to_netns, SOCK_STREAM);
  if (bind(receiver, (struct sockaddr *)&to, sizeof to) < 0 || listen(receiver, 1) < 0) die("bind");
  sender = socket_in(from_netns, SOCK_STREAM);
  pthread_create(&thread, NULL, receive_bulk, NULL);
  if (connect(sender, (struct sockaddr *)&to, sizeof to) < 0) die("connect");
  uint64_t from = now();
  while (!stopping()) {
    ssize_t count = write(sender, buffer, sizeof buffer);
    if (count < 0) die("write");
    *sent += count;
  }
  uint64_t elapsed = now() - from;
  shutdown(sender, SHUT_WR);
  pthread_join(thread, NULL);
  struct tcp_info info;
  socklen_t size = sizeof info;
  getsockopt(sender, IPPROTO_TCP, TCP_INFO, &info, &size);
  printf("sent %lu\nreceived %lu\nrate %.0f\nretransmitted %u\n", *sent, *received, *sent * 8e3 / elapsed,
         // Those that the receiver had already were held, not lost: TCP is impatient
         info.tcpi_total_retrans - info.tcpi_dsack_dups);
}

int main(int count, char **words) {
  if (count != 8) {
    fprintf(stderr, "usage: traffic udp|tcp CONTROL RATE SENDER_NETNS RECEIVER_NETNS ADDRESS PORT\n");
    return 2;
  }
  int fd = open(words[2], O_RDWR | O_CREAT, 0600);
  if (fd < 0 || ftruncate(fd, 64) < 0) die(words[2]);
  control = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (control == MAP_FAILED) die("mmap");
  sent = (uint64_t *)(control + 8), received = (uint64_t *)(control + 16);
  rate = atof(words[3]);
  to = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(words[7]))};
  inet_pton(AF_INET, words[6], &to.sin_addr);
  (strcmp(words[1], "tcp") == 0 ? tcp : udp)(words[4], words[5]);
  return 0;
}
