// Changes of a qdisc over a bare socket: encoded by hand, one at a time and 64 a send.
//   hand KIND   prints "work nanoseconds" a line
#define _GNU_SOURCE
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH 64
#define SECONDS 0.3

static int fd;
static uint32_t sequence;
static uint8_t message[64], batch[BATCH * 64], slots[BATCH][4160];
static size_t length;

static void build(const char *kind) {
  struct nlmsghdr *header = (void *)message;
  struct tcmsg *tc = NLMSG_DATA(header);
  size_t name = strlen(kind) + 1;
  int plug = strcmp(kind, "plug") == 0;
  tc->tcm_ifindex = if_nametoindex("lo");
  tc->tcm_handle = 0x10000;
  tc->tcm_parent = TC_H_ROOT;
  struct rtattr *attribute = (void *)(message + NLMSG_LENGTH(sizeof *tc));
  attribute->rta_type = TCA_KIND;
  attribute->rta_len = RTA_LENGTH(name);
  memcpy(RTA_DATA(attribute), kind, name);
  attribute = (void *)((uint8_t *)attribute + RTA_ALIGN(attribute->rta_len));
  attribute->rta_type = TCA_OPTIONS;
  attribute->rta_len = RTA_LENGTH(plug ? 8 : 4);
  uint32_t options[2] = { plug ? 2 : 100, 0 };
  memcpy(RTA_DATA(attribute), options, plug ? 8 : 4);
  length = (uint8_t *)attribute + RTA_ALIGN(attribute->rta_len) - message;
  header->nlmsg_len = length;
  header->nlmsg_type = RTM_NEWQDISC;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
}

static void check_ack(const uint8_t *bytes, ssize_t got, uint32_t expected) {
  const struct nlmsghdr *header = (const void *)bytes;
  const struct nlmsgerr *answer = NLMSG_DATA(header);
  if (got < 36 || header->nlmsg_type != NLMSG_ERROR || header->nlmsg_seq != expected || answer->error != 0) {
    fprintf(stderr, "The kernel refused a change: %d\n", got < 36 ? -1 : answer->error);
    exit(1);
  }
}

static void one(void) {
  ((struct nlmsghdr *)message)->nlmsg_seq = ++sequence;
  if (send(fd, message, length, 0) < 0) exit(1);
  ssize_t got = recv(fd, slots[0], sizeof slots[0], MSG_DONTWAIT);
  check_ack(slots[0], got, sequence);
}

static void many(void) {
  static struct mmsghdr headers[BATCH];
  static struct iovec vectors[BATCH];
  for (int i = 0; i < BATCH; i++) {
    ((struct nlmsghdr *)message)->nlmsg_seq = ++sequence;
    memcpy(batch + i * length, message, length);
    vectors[i] = (struct iovec){ slots[i], sizeof slots[i] };
    headers[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
  }
  if (send(fd, batch, BATCH * length, 0) < 0) exit(1);
  int got = recvmmsg(fd, headers, BATCH, MSG_DONTWAIT, NULL);
  if (got != BATCH) exit(1);
  for (int i = 0; i < BATCH; i++) check_ack(slots[i], headers[i].msg_len, sequence - BATCH + 1 + i);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static double measure(void (*work)(void), int changes) {
  double best = 1e9;
  for (int run = 0; run < 5; run++) {
    long rounds = 0;
    double from = now(), took;
    do {
      for (int round = 0; round < 16; round++) work();
      rounds += 16;
    } while ((took = now() - from) < SECONDS);
    if (took / rounds < best) best = took / rounds;
  }
  return best / changes * 1e9;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  build(argv[1]);
  printf("one %.1f\n", measure(one, 1));
  printf("many %.1f\n", measure(many, BATCH));
}
