/** Gates that would hold this SSH session's own packets, or all of a default route, are refused without `--force`. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { Connection } from "../../netlink/connection.ts";
import { Gate, QueueError } from "../../mod.ts";
import { GatePair, witness } from "./gate_pair.ts";
import type { Host } from "./host.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";

const SESSIONS = {
  ip: "10.0.0.2 50000 10.0.0.1 22",
  ip6: "fd00::2 50000 fd00::1 22",
  mapped: "::ffff:10.0.0.2 50000 ::ffff:10.0.0.1 22",
};

/** A match, in a direction, and in which sessions it holds their packets. */
const MATCHES: [direction: string, match: string, sessions: (keyof typeof SESSIONS)[]][] = [
  ["out", "tcp src port 22", ["ip", "ip6", "mapped"]],
  ["in", "tcp src port 22", []],
  ["in", "tcp dst port 22", ["ip", "ip6", "mapped"]],
  ["out", "tcp dst port 22", []],
  ["both", "tcp dst port 22", ["ip", "ip6", "mapped"]],
  ["out", "port 22", ["ip", "ip6", "mapped"]],
  ["out", "tcp dst host 10.0.0.2", ["ip", "mapped"]],
  ["out", "host 10.0.0.9", []],
  ["out", "dst net 10.0.0.0/8", ["ip", "mapped"]],
  ["out", "dst net fd00::/8", ["ip6"]],
  ["out", "tcp dst port 1-65535", ["ip", "ip6", "mapped"]],
  ["out", "tcp dst port 1-49999", []],
  ["out", "tcp flags ack", ["ip", "ip6", "mapped"]],
  ["out", "flags psh,!syn", ["ip", "ip6", "mapped"]],
  ["in", "tcp dst port 22 flags syn,!ack", []],
  ["in", "tcp dst port 22 and not ack", []],
  ["out", "ip", ["ip", "mapped"]],
  ["out", "ip6", ["ip6"]],
  ["out", "udp", []],
  ["out", "arp", ["ip", "mapped"]],
  ["in", "arp", ["ip", "mapped"]],
  ["out", "icmp6 type neighbor-solicitation", ["ip6"]],
  ["in", "icmp6", ["ip6"]],
  ["out", "icmp6 type echo", []],
  ["out", "icmp", []],
  ["out", "vlan 12", []],
  ["out", "tcp and not port 22", []],
  ["out", "tcp dst port 80 or tcp dst port 50000", ["ip", "ip6", "mapped"]],
  ["out", "ct new", ["ip", "ip6", "mapped"]],
  ["out", "udp and ct established", []],
  ["out", "ttl 64", ["ip", "ip6", "mapped"]],
];

/** Does something as a child of an SSH server would. */
async function inSession<T>(connection: string | undefined, work: () => Promise<T>): Promise<T> {
  if (connection !== undefined) Deno.env.set("SSH_CONNECTION", connection);
  try {
    return await work();
  } finally {
    Deno.env.set("SSH_CONNECTION", "");
  }
}

for (const [direction, match, sessions] of MATCHES) {
  Deno.test(`a gate is refused where it would hold this SSH session: ${direction}, ${match}`, async () => {
    using pair = new GatePair();
    const { left } = pair;
    const words = ["g", "--dev", "eth0", "--direction", direction, "--match", match];
    const before = witness(left);
    const refusedFor = async (...command: string[]) => {
      const refused: string[] = [];
      for (const [name, session] of Object.entries(SESSIONS)) {
        const { status, stderr } = await inSession(session, () => plugctl(left, ...command));
        if (status !== 0) {
          assertMatch(stderr, /it would hold packets of this SSH session \(\S+ 50000 \S+ 22\); .*--force\n$/);
          refused.push(name);
        } else if (command[0] === "buffer") await plugctlDone(left, "release", "g");
        else await plugctlDone(left, "gate", "delete", "g");
      }
      return refused;
    };
    assertEquals(await refusedFor("gate", "add", ...words, "--hold"), sessions);
    assertEquals(witness(left), before);
    await plugctlDone(left, "gate", "add", ...words);
    assertEquals(await refusedFor("buffer", "g"), sessions);
    assertEquals((await inSession(SESSIONS.ip, () => plugctl(left, "buffer", "g", "--force"))).status, 0);
  });
}

Deno.test("the API asks the same of a match, and a deadline is as good as force", async () => {
  using pair = new GatePair();
  using connection = pair.left.enter(() => Connection.open());
  const options = { name: "g", dev: "eth0", direction: "out", match: "tcp src port ssh", connection } as const;
  await inSession(SESSIONS.ip, async () => {
    const isLockout = (work: () => unknown) => {
      try {
        work();
        return false;
      } catch (error) {
        if (error instanceof QueueError) return error.code === "would-lock-out";
        throw error;
      }
    };
    assert(isLockout(() => Gate.open({ ...options, hold: true })));
    using gate = Gate.open(options);
    assert(isLockout(() => gate.buffer()));
    assert(!isLockout(() => gate.buffer({ force: true })));
    gate.releaseIndefinite();
    assertEquals((await plugctl(pair.left, "buffer", "g")).status, 1);
    assertEquals((await plugctl(pair.left, "buffer", "g", "--max-hold", "1s")).status, 0);
    await plugctlDone(pair.left, "release", "g");
    using hold = gate.hold({ maxMs: 1000 });
    hold.release();
  });
});

/** Which matches hold all of a default route; `lockout_ways_test.ts` has more of them. */
const ROUTES: [match: string[], isAll: boolean][] = [
  [[], true],
  [["tcp"], true],
  [["ip dst net 0.0.0.0/1", "ip dst net 128.0.0.0/1"], true],
  [["syn and not ack"], false],
  // Whether connections are tracked is not known: without that each packet is none of a new one.
  [["ct established"], true],
  [["not ct new"], true],
  [["tcp dst port 443 and ct established"], false],
];

Deno.test("a gate is refused on a default route where it would hold all that leaves or enters there", async () => {
  using pair = new GatePair();
  const { left } = pair;
  left.configure(["route add default via 10.0.0.2"]);
  for (const [matches, isAll] of ROUTES) {
    for (const direction of matches.some((match) => match.includes("ct ")) ? ["out"] : ["in", "out"]) {
      const words = ["--dev", "eth0", "--direction", direction, ...matches.flatMap((match) => ["--match", match])];
      const { status, stderr } = await plugctl(left, "gate", "add", "g", ...words, "--hold");
      assertEquals([status, /carries the default route/.test(stderr)], isAll ? [1, true] : [0, false], `${matches}`);
      await plugctlDone(left, ...(isAll ? ["gate", "add", "g", ...words] : ["release", "g"]));
      assertEquals((await plugctl(left, "buffer", "g")).status, isAll ? 1 : 0, `${matches}`);
      await plugctlDone(left, "gate", "delete", "g");
    }
  }
});

const ECHO = `
import socket
server = socket.create_server(("10.0.0.1", 22))
print("listening", flush=True)
connection = server.accept()[0]
while True: connection.sendall(connection.recv(100))
`;
/** Lines, each of which is answered before the next is sent. */
const TYPE = `
import socket
client = socket.create_connection(("10.0.0.1", 22))
print("connected", flush=True)
for number in range(100):
    line = b"%d;" % number
    client.sendall(line)
    answer = b""
    while len(answer) < len(line): answer += client.recv(100)
    assert answer == line
print("all answered", flush=True)
`;

/** The lines that a Python program says on a host. */
function say(host: Host, program: string): AsyncIterator<string> {
  const command = ["python3", "-c", program];
  return readLines(host.spawn(command, { stdin: "null", stdout: "piped", stderr: "null" }).stdout);
}

Deno.test("a gate that gets but a few of the packets is refused as one that gets all: one that is held stops a session", async () => {
  using pair = new GatePair();
  const { left, right } = pair;
  const before = witness(left);
  const words = ["g", "eth0", "--direction", "in", "--match", "tcp dst port 22"];
  await inSession(SESSIONS.ip, async () => {
    for (const chance of [["--every", "10"], ["--every", "65535"], ["--probability", "0.1%"]]) {
      const { status, stderr } = await plugctl(left, "gate", "add", ...words, ...chance, "--hold");
      assertEquals(status, 1, stderr);
      assertMatch(stderr, /it would hold packets of this SSH session/);
      assertEquals(witness(left), before);
      await plugctlDone(left, "gate", "add", ...words, ...chance);
      assertEquals((await plugctl(left, "buffer", "g")).status, 1);
      await plugctlDone(left, "gate", "delete", "g");
    }
  });
  // TCP sends nothing again that still waits in a queue of its own host, where both ends of this session are.
  await plugctlDone(left, "gate", "add", ...words, "--every", "10", "--hold");
  await say(left, ECHO).next();
  const typed = say(right, TYPE);
  assertEquals((await typed.next()).value, "connected");
  await pair.holds("g", 1);
  const next = typed.next();
  const early = await Promise.race([next, new Promise((done) => setTimeout(done, 5000))]);
  assertEquals(early, undefined, "the session goes on");
  assertEquals((await pair.gates()).map(({ stats }) => stats?.backlogPackets), [1]);
  await plugctlDone(left, "release", "g");
  assertEquals((await next).value, "all answered");
});
