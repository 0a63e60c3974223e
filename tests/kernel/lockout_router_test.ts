/** An SSH session that goes through this namespace to another, or whose addresses and ports are translated here. */

import { assert, assertEquals } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { readLines } from "../../linux/incoming.ts";
import { Gate, QueueError } from "../../mod.ts";
import { connect, Host } from "./host.ts";
import { CARRIES, type Case, inSession, MAY, testCases } from "./multihomed.ts";
import { loadModules } from "./modules.ts";

const THROUGH: Case[] = [
  {
    name: "by a cable each",
    lines: [],
    session: "10.0.0.2 50000 10.0.1.2 22",
    verdicts: {
      "eth0": MAY,
      "eth0 in tcp dst port 22": "session",
      "eth0 out tcp src port 22": "session",
      "eth0 in tcp src port 22": "held",
      "eth1": MAY,
      "eth1 out tcp dst port 22": "session",
      "eth1 in tcp src port 22": "session",
      "eth1 out tcp dst port 80": "held",
      "eth1 out src host 10.0.0.2": "session",
      "eth1 out arp and dst host 10.0.1.2": "session",
      "eth1 out arp and dst host 10.0.1.77": "held",
    },
  },
  {
    name: "by a rule for what comes in by one device",
    lines: [
      "busybox sysctl -w net.ipv4.ip_forward=1",
      "link add dm type dummy",
      "link set dm up",
      "address add 10.7.0.1/24 dev dm",
      "rule add iif eth0 to 198.51.100.0/24 table 100",
      "route add 198.51.100.0/24 via 10.7.0.2 table 100",
      "route add 198.51.100.0/24 via 10.0.1.2",
    ],
    session: "10.0.0.2 50000 198.51.100.1 22",
    verdicts: { "eth0": MAY, "dm": MAY, "eth1 out udp": "held" },
  },
  {
    name: "to a container on a bridge",
    modules: ["bridge"],
    lines: [
      "link add br0 type bridge",
      "link set br0 up",
      "address add 172.17.0.1/16 dev br0",
      "link add ve0 type dummy",
      "link set ve0 master br0 up",
    ],
    session: "10.0.0.2 50000 172.17.0.2 22",
    verdicts: { "eth0": MAY, "br0": MAY, "ve0": MAY, "ve0 out tcp dst port 22": "session", "eth1": "held" },
  },
  {
    name: "no further, where a route ends it here",
    lines: ["route add local 198.51.100.1 dev lo"],
    session: "10.0.0.2 50000 198.51.100.1 22",
    verdicts: { "eth0": CARRIES, "eth1 out tcp dst port 22": "held", "eth1": "held" },
  },
];

testCases("a device is not held by which this SSH session may go on", THROUGH);

/** Accepts one connection, says its ends as `SSH_CONNECTION` does, and keeps it. */
const SERVER = `
import signal, socket
with socket.create_server(("", 22)) as listener:
    listener.settimeout(100)
    print("listening", flush=True)
    connection, _ = listener.accept()
    print(*connection.getpeername(), *connection.getsockname(), flush=True)
    signal.pause()
`;
const CLIENT = `
import signal, socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), 100)
signal.pause()
`;

/** A client, a router, and a server behind that. */
class Routed implements Disposable {
  readonly client = new Host();
  readonly router = new Host();
  readonly server = new Host();

  constructor() {
    const { client, router, server } = this;
    connect([client, router]);
    connect([router, server], { dev: "eth1" });
    // The second cable has another network than the first.
    const [near, far] = ["02:00:00:00:00:01", "02:00:00:00:00:02"];
    router.configure([
      "address flush dev eth1",
      "address add 10.0.1.1/24 dev eth1",
      `neighbour replace 10.0.1.2 lladdr ${far} dev eth1 nud permanent`,
    ]);
    server.configure([
      "address flush dev eth1",
      "address add 10.0.1.2/24 dev eth1",
      `neighbour replace 10.0.1.1 lladdr ${near} dev eth1 nud permanent`,
      "route add default via 10.0.1.1",
    ]);
    router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
  }

  /** Connects to the router, and returns the ends of what arrives on a host, as its SSH server says them. */
  async session(on: Host, port: number): Promise<string> {
    const lines = readLines(
      on.spawn(["python3", "-c", SERVER], { stdin: "null", stdout: "piped" }).stdout,
    );
    assertEquals((await lines.next()).value, "listening");
    this.client.spawn(["python3", "-c", CLIENT, "10.0.0.2", `${port}`], { stdin: "null" });
    const { value } = await lines.next();
    assert(value, "no connection has arrived");
    return value;
  }

  /** Which of these gates of the router are not held, each a device, a direction and a match. */
  refused(session: string, gates: readonly string[]): string[] {
    using connection = this.router.enter(() => Connection.open());
    return inSession(session, () =>
      gates.filter((text) => {
        const [dev, direction, ...match] = text.split(" ");
        try {
          Gate.open({ dev, direction: direction as "in", match: match.join(" "), hold: true, connection })
            [Symbol.dispose]();
          return false;
        } catch (error) {
          if (error instanceof QueueError && error.code === "would-lock-out") return true;
          throw error;
        }
      }));
  }

  [Symbol.dispose](): void {
    for (const host of [this.client, this.router, this.server]) host[Symbol.dispose]();
  }
}

/** On the client's side, then on the server's. */
const GATES = [
  "eth0 in tcp dst port 2222",
  "eth0 out tcp src port 2222",
  "eth0 in tcp dst port 22",
  "eth0 out tcp src port 22",
  "eth1 out tcp dst port 22",
  "eth1 in tcp src port 22",
  "eth1 out tcp dst port 2222",
  "eth1 out ip src host 10.0.0.1",
  "eth1 out ip src host 10.0.1.1",
];
const MODULES = ["iptable_nat", "xt_nat", "xt_MASQUERADE", "xt_REDIRECT", "xt_tcpudp", "nf_conntrack_netlink"];

/** Adds a rule to the table that translates addresses. */
function translate(host: Host, chain: string, rule: string): void {
  host.run("iptables-legacy", "-t", "nat", "-A", chain, ...rule.split(" "));
}

for (const [from, masquerades] of [["the same address", false], ["another address, too", true]] as const) {
  Deno.test(`a gate is not held that has an SSH session to another address and port, from ${from}`, async () => {
    await loadModules(MODULES);
    using routed = new Routed();
    const { router, server } = routed;
    translate(router, "PREROUTING", "-p tcp --dport 2222 -j DNAT --to-destination 10.0.1.2:22");
    if (masquerades) translate(router, "POSTROUTING", "-o eth1 -j MASQUERADE");
    const session = await routed.session(server, 2222);
    const source = masquerades ? GATES[8] : GATES[7];
    assertEquals(routed.refused(session, GATES), [...GATES.slice(0, 2), ...GATES.slice(4, 6), source]);
  });
}

Deno.test("a gate is not held that has an SSH session to another port of this host", async () => {
  await loadModules(MODULES);
  using routed = new Routed();
  const { router } = routed;
  translate(router, "PREROUTING", "-p tcp --dport 2222 -j REDIRECT --to-ports 22");
  const session = await routed.session(router, 2222);
  assertEquals(routed.refused(session, GATES), GATES.slice(0, 2));
});
