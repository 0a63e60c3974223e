/** A plug below a class: what the device does once it is detached, whatever the qdisc above it is. */

import { assertEquals } from "@std/assert";
import { connect, Host } from "./host.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { plugctlDone } from "./plugctl.ts";
import { UdpSocket } from "./udp_socket.ts";

const WAIT = { timeoutMs: 20_000 };

/** Qdiscs with a class 1:1 that all packets go through, as `tc` makes them. */
const ABOVE: Record<string, string[]> = {
  prio: ["qdisc add dev eth0 root handle 1: prio bands 3 priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"],
  htb: [
    "qdisc add dev eth0 root handle 1: htb default 1",
    "class add dev eth0 parent 1: classid 1:1 htb rate 1gbit",
  ],
  netem: ["qdisc add dev eth0 root handle 1: netem"],
};

for (const [kind, lines] of Object.entries(ABOVE)) {
  Deno.test(`detach leaves a class of ${kind} passing packets, as it did before`, async () => {
    using left = new Host();
    using right = new Host();
    const [client, server] = connect([left, right]);
    for (const line of lines) left.run("tc", ...line.split(" "));
    using sender = new UdpSocket(left, { address: client.ipv4, port: 0 });
    const to = { address: server.ipv4, port: 5000 };
    using receiver = new UdpSocket(right, to);

    const queue = ["--dev", "eth0", "--parent", "1:1"];
    await plugctlDone(left, "attach", "--hold", ...queue);
    sendNumbered(sender, to, { count: 10 });
    await plugctlDone(left, "detach", ...queue);
    sendNumbered(sender, to, { from: 10, count: 10 });
    assertEquals(
      await receiveNumbers(receiver, { count: 20, ...WAIT }),
      Array.from({ length: 20 }, (_, number) => number),
    );
  });
}
