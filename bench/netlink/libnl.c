// Changes of a qdisc by libnl: a message built, sent and acknowledged, one at a time.
//   libnl KIND   prints "work nanoseconds" a line
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <time.h>
#include <netlink/netlink.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/fifo.h>
#include <netlink/route/qdisc/plug.h>
#include <netlink/route/tc.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  struct nl_sock *socket = nl_socket_alloc();
  if (nl_connect(socket, NETLINK_ROUTE) < 0) return 1;
  struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();
  rtnl_tc_set_ifindex(TC_CAST(qdisc), if_nametoindex("lo"));
  rtnl_tc_set_parent(TC_CAST(qdisc), TC_H_ROOT);
  rtnl_tc_set_handle(TC_CAST(qdisc), 0x10000);
  if (rtnl_tc_set_kind(TC_CAST(qdisc), argv[1]) < 0) return 1;
  double best = 1e9;
  for (int run = 0; run < 5; run++) {
    long rounds = 0;
    double from = now(), took;
    do {
      if (strcmp(argv[1], "plug") == 0) rtnl_qdisc_plug_release_indefinite(qdisc);
      else rtnl_qdisc_fifo_set_limit(qdisc, 100);
      if (rtnl_qdisc_add(socket, qdisc, 0) < 0) return 1;
      rounds++;
    } while ((took = now() - from) < 0.3);
    if (took / rounds < best) best = took / rounds;
  }
  printf("one %.1f\n", best * 1e9);
}
