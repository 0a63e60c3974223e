/** What the kernel dumps of twelve kinds of qdisc, and what tc says of the same. */

import { assert, assertEquals } from "@std/assert";
import { formatHandle, type QdiscMessage } from "../../codec/mod.ts";
import { Connection } from "../../netlink/connection.ts";
import { readQdiscs } from "../../plug/qdiscs.ts";
import { Host } from "./host.ts";
import { UdpSocket } from "./udp_socket.ts";

/** A qdisc of each kind, on a device of its own. */
const KINDS: readonly string[] = [
  "plug limit 10000",
  "prio bands 4",
  "pfifo limit 77",
  "bfifo limit 7777",
  "pfifo_head_drop limit 5",
  "tbf rate 1mbit burst 10kb latency 50ms",
  "netem delay 10ms",
  "sfq perturb 10",
  "red limit 100000 avpkt 1000",
  "fq_codel",
  "fq",
  "htb default 10",
];

/** What tc prints of a qdisc, as JSON. */
interface TcQdisc {
  kind: string;
  handle: string;
  bytes: number;
  packets: number;
  drops: number;
  overlimits: number;
  requeues: number;
  backlog: number;
  qlen: number;
}

/** The same of what the codec says. */
function asTc({ kind, handle, stats }: QdiscMessage): TcQdisc {
  if (!stats) throw new Error(`${kind} has no statistics`);
  const { bytes, packets, drops, overlimits, requeues, backlogBytes, backlogPackets } = stats;
  const backlog = { backlog: backlogBytes, qlen: backlogPackets };
  return { kind, handle: formatHandle(handle), bytes, packets, drops, overlimits, requeues, ...backlog };
}

Deno.test("decodeReceived() says of a dump of twelve kinds what tc says", () => {
  using host = new Host();
  KINDS.forEach((words, index) => {
    const dev = `eth${index}`;
    // Without an address of IPv6, for which it would send packets at any moment
    host.configure([
      `link add ${dev} type dummy`,
      `link set ${dev} addrgenmode none`,
      `link set ${dev} up`,
      `address add 10.${index}.0.1/24 dev ${dev}`,
    ]);
    host.run("tc", "qdisc", "add", "dev", dev, "root", "handle", "7:", ...words.split(" "));
    // Something to count: some leave, some are held, some are dropped.
    using socket = new UdpSocket(host, { address: `10.${index}.0.1`, port: 4000 });
    for (let count = 0; count < 8; count++) {
      socket.send(new Uint8Array(1200), { address: `10.${index}.0.2`, port: 4000 });
    }
  });
  const printed = JSON.parse(host.run("tc", "-j", "-s", "qdisc", "show")) as TcQdisc[];
  using connection = host.enter(() => Connection.open());
  const qdiscs = readQdiscs(connection, "list qdiscs").map(asTc);
  assertEquals(qdiscs.filter(({ handle }) => handle === "7:").length, KINDS.length);
  const pick = ({ kind, handle, bytes, packets, drops, overlimits, requeues, backlog, qlen }: TcQdisc) => (
    { kind, handle, bytes, packets, drops, overlimits, requeues, backlog, qlen }
  );
  assertEquals(qdiscs, printed.map(pick));
  assert(qdiscs.some(({ bytes }) => bytes > 0) && qdiscs.some(({ qlen }) => qlen > 0));
});
