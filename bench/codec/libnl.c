// libnl: qdiscs built by rtnl_qdisc_build_*, dumps read by nlmsg_parse with the nested attributes, and as objects.
//   libnl CHUNK   prints "work nanoseconds" a line
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/gen_stats.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/plug.h>
#include <netlink/route/tc.h>

static uint8_t chunk[65536];
static size_t length;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static double fastest(long (*work)(void), double items) {
  long rounds = 1;
  for (double took = 0; took < 2e8; rounds *= 2) {
    double from = now();
    for (long i = 0; i < rounds; i++) work();
    took = now() - from;
  }
  double best = 1e18;
  for (int run = 0; run < 5; run++) {
    double from = now();
    for (long i = 0; i < rounds / 4 + 1; i++) work();
    double took = (now() - from) / (rounds / 4 + 1) / items;
    if (took < best) best = took;
  }
  return best;
}

static struct rtnl_qdisc *qdisc;

static long build(void) {
  struct nl_msg *message;
  rtnl_qdisc_plug_release_one(qdisc);
  if (rtnl_qdisc_build_add_request(qdisc, NLM_F_CREATE, &message) < 0) abort();
  nlmsg_free(message);
  return 0;
}

static long parse(void) {
  static struct nla_policy policy[TCA_MAX + 1] = { [TCA_KIND] = { .type = NLA_STRING, .maxlen = 32 }, [TCA_STATS2] = { .type = NLA_NESTED } };
  static volatile uint64_t sink;
  struct nlmsghdr *message = (struct nlmsghdr *)chunk;
  int left = length;
  long count = 0;
  while (nlmsg_ok(message, left)) {
    struct nlattr *attributes[TCA_MAX + 1], *stats[TCA_STATS_MAX + 1];
    if (nlmsg_parse(message, sizeof(struct tcmsg), attributes, TCA_MAX, policy) < 0) abort();
    if (nla_parse_nested(stats, TCA_STATS_MAX, attributes[TCA_STATS2], NULL) < 0) abort();
    struct gnet_stats_basic basic;
    struct gnet_stats_queue queue;
    nla_memcpy(&basic, stats[TCA_STATS_BASIC], sizeof basic);
    nla_memcpy(&queue, stats[TCA_STATS_QUEUE], sizeof queue);
    sink = basic.bytes + queue.backlog + strlen(nla_get_string(attributes[TCA_KIND]));
    count++;
    message = nlmsg_next(message, &left);
  }
  return count;
}

static void take(struct nl_object *object, void *count) {
  (void)object;
  ++*(long *)count;
}

static long objects(void) {
  struct nlmsghdr *message = (struct nlmsghdr *)chunk;
  int left = length;
  long count = 0;
  while (nlmsg_ok(message, left)) {
    struct nl_msg *copy = nlmsg_convert(message);
    nlmsg_set_proto(copy, NETLINK_ROUTE);
    if (nl_msg_parse(copy, take, &count) < 0) abort();
    nlmsg_free(copy);
    message = nlmsg_next(message, &left);
  }
  return count;
}

int main(int argc, char **argv) {
  FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
  if (!file) return 2;
  length = fread(chunk, 1, sizeof chunk, file);
  qdisc = rtnl_qdisc_alloc();
  rtnl_tc_set_ifindex(TC_CAST(qdisc), 2);
  rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
  if (rtnl_tc_set_kind(TC_CAST(qdisc), "plug") < 0) return 1;
  printf("single %.4f\n", fastest(build, 1));
  long count = parse();
  printf("dump-records %.4f\n", fastest(parse, count));
  printf("dump-objects %.4f\n", fastest(objects, objects()));
}
