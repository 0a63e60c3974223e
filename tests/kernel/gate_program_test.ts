/** Gates whose expressions flower cannot express: libpcap compiles them, and the kernel has them as programs of cls_bpf. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { GatePair, WAIT, withoutCounters, witness } from "./gate_pair.ts";
import { COUNT, PORT, Traffic } from "./gate_traffic.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { PacketSocket } from "./packet_socket.ts";
import { CGROUPS, mountCgroups } from "./podman.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { UdpSocket } from "./udp_socket.ts";
import { until } from "./until.ts";

const MATCH = `udp[2:2] = ${PORT} and greater 40`;

Deno.test("a gate of a program is listed as written, counts, holds, is taken over, replaced and deleted", async () => {
  using traffic = new Traffic("egress");
  const { left } = traffic.pair;
  const before = witness(left);
  const add = (...words: string[]) => plugctl(left, "gate", "add", "g", "eth0", "--direction", "out", ...words);
  assertEquals(await add("--match", `  ${MATCH.replace(" ", "  ")}`, "--hold"), { status: 0, stdout: "", stderr: "" });
  traffic.send();
  await traffic.pair.holds("g", COUNT);
  const [listed] = await traffic.pair.gates();
  assertEquals([listed.match, listed.faults, listed.hitPackets], [[MATCH], [], COUNT]);
  assertMatch(await plugctlDone(left, "gate", "list"), new RegExp(`${MATCH.replaceAll(/[[\]]/g, "\\$&")}\\n$`));
  assertStringIncludes(left.run("tc", "filter", "show", "dev", "eth0", "egress"), "bpf chain 0 handle 0x504c0001");
  assertMatch((await add("--match", MATCH)).stderr, /the gate g is there already, and nothing was changed/);
  const other = await add("--match", "less 40");
  assertEquals(other.status, 1);
  assertMatch(other.stderr, /another is there: egress of eth0, udp\[2:2\] = 7001 and greater 40, limit /);
  await plugctlDone(left, "release", "g");
  assertEquals(await traffic.arrived(), [2 * COUNT, 0, 0]);
  assertEquals((await add("--match", "less 40", "--replace")).status, 0);
  assertEquals(await traffic.arrived(), [COUNT, 0, 0]);
  const [replaced] = await traffic.pair.gates();
  assertEquals([replaced.match, replaced.faults, replaced.hitPackets], [["less 40"], [], 0]);
  await plugctlDone(left, "gate", "delete", "g");
  assertEquals(witness(left), before);
});

Deno.test("a long expression is kept with its program, and recover finds and takes away what a killed plugctl left", async () => {
  using pair = new GatePair();
  const { left } = pair;
  const before = witness(left);
  const long = `udp and greater 40 and not (${
    Array.from({ length: 9 }, (_, at) => `port ${60001 + at}`).join(" or ")
  })`;
  const words = ["--match", long, "--match", "arp[6:2] = 2", "--except", "udp dst port 60100"];
  await plugctlDone(left, "gate", "add", "long", "eth0", "--direction", "both", ...words);
  const [gate] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
  assertEquals([gate.match, gate.except, gate.faults], [[long, "arp[6:2] = 2"], ["udp dst port 60100"], []]);
  await plugctlDone(left, "limit", "4294967295", "long");
  assertEquals((await pair.gates()).map(({ match, limitBytes }) => [match, limitBytes]), [[gate.match, 4294967295]]);
  // Somebody has deleted one of its filters.
  const filters = left.run("tc", "filter", "show", "dev", "eth0", "ingress");
  assertEquals(filters.match(/handle 0x504c\d+/g)?.length, 3, filters);
  left.run(..."tc filter delete dev eth0 ingress pref 1000 handle 0x504c0002 bpf".split(" "));
  assertEquals((await pair.gates()).map(({ faults }) => faults), [["not all of its filters"]]);
  const { status, stdout, stderr } = await plugctl(left, "recover");
  assertEquals(status, 0, stderr);
  assertMatch(stdout + stderr, /long/);
  assertEquals(witness(left), before);
});

Deno.test("what is excepted from a program passes, is counted once, and filters behind the gate see it", async () => {
  using pair = new GatePair();
  const { left, ends: [near, far] } = pair;
  using source = new UdpSocket(near.host, { address: near.ipv4, port: 4000 });
  using held = new UdpSocket(far.host, { address: far.ipv4, port: 5000 });
  using passing = new UdpSocket(far.host, { address: far.ipv4, port: 5001 });
  const words = [
    "--match",
    "udp and less 100",
    "--match",
    "udp[0:2] = 4000",
    "--except",
    "dst port 5001",
    "--except",
    "arp",
  ];
  await plugctlDone(left, "gate", "add", "g", "eth0", "--direction", "out", ...words, "--hold");
  left.run(..."tc filter add dev eth0 egress pref 2000 protocol ip matchall action continue".split(" "));
  sendNumbered(source, { address: far.ipv4, port: 5000 }, { count: COUNT });
  sendNumbered(source, { address: far.ipv4, port: 5001 }, { count: COUNT });
  const numbers = Array.from({ length: COUNT }, (_, index) => index);
  assertEquals(await receiveNumbers(passing, { count: COUNT, ...WAIT }), numbers);
  await pair.holds("g", COUNT);
  const [gate] = JSON.parse(await plugctlDone(left, "gate", "list", "--json"));
  assertEquals([gate.hitPackets, gate.exceptedPackets], [COUNT, COUNT]);
  assertMatch(
    left.run(..."tc -s filter show dev eth0 egress pref 2000".split(" ")),
    new RegExp(`Sent \\d+ bytes ${COUNT} pkt`),
  );
  await plugctlDone(left, "release", "g");
  assertEquals(await receiveNumbers(held, { count: COUNT, ...WAIT }), numbers);
});

Deno.test("packets of a gate of a program are seen as they come in, and the program stays as it was", async () => {
  using traffic = new Traffic("egress");
  const { left } = traffic.pair;
  await plugctlDone(left, "gate", "add", "g", "eth0", "--direction", "out", "--match", MATCH, "--hold");
  const filters = () => left.run("tc", "filter", "show", "dev", "eth0", "egress");
  const before = filters();
  const follow = left.spawn([
    Deno.execPath(),
    ..."run -A --no-check cli/main.ts packets --follow --for 60s --json g".split(" "),
  ], { stdin: "null", stdout: "piped", stderr: "null" });
  await until(() => filters().includes("sample"), { ...WAIT, what: "the tap" });
  traffic.send();
  let seen = 0;
  for await (const text of follow.stdout.pipeThrough(new TextDecoderStream())) {
    seen += text.split('"in"').length - 1;
    if (seen >= COUNT) break;
  }
  follow.kill("SIGTERM");
  await follow.status;
  assertEquals(seen, COUNT);
  assertEquals(withoutCounters(filters()), withoutCounters(before));
});

Deno.test("mark holds only what user 33 sends, and what iptables has marked otherwise passes", async () => {
  using pair = new GatePair();
  const { left, ends: [near, far] } = pair;
  const { loadModules } = await import("./modules.ts");
  await loadModules(["iptable_mangle", "xt_owner", "xt_mark"]);
  left.run(..."iptables-legacy -t mangle -A OUTPUT -m owner --uid-owner 33 -j MARK --set-mark 0x107".split(" "));
  await plugctlDone(
    left,
    "gate",
    "add",
    "www",
    "eth0",
    "--direction",
    "out",
    "--match",
    "mark 7/0xff and udp",
    "--hold",
  );
  using receiver = new UdpSocket(far.host, { address: far.ipv4, port: 5000 });
  const send = (user: number, text: string) =>
    left.run(
      "python3",
      "-c",
      `import os, socket; os.setuid(${user}); socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"${text}", ("${far.ipv4}", 5000))`,
    );
  send(33, "of 33");
  send(0, "of root");
  await pair.holds("www", 1);
  assertEquals(await received(receiver), "of root");
  await plugctlDone(left, "release", "www");
  assertEquals(await received(receiver), "of 33");
  assert(near.ipv4 !== far.ipv4);
});

Deno.test("mark holds only what a unit of systemd sends, by its cgroup, and not once it has another", async () => {
  using pair = new GatePair();
  const { left, ends: [, far] } = pair;
  const { loadModules } = await import("./modules.ts");
  await loadModules(["iptable_mangle", "xt_cgroup", "xt_mark"]);
  mountCgroups();
  const unit = "plugctl.slice/plugctl-test.service";
  const [its, other] = [`${CGROUPS}/${unit}`, `${CGROUPS}/plugctl.slice/other.service`];
  for (const cgroup of [its, other]) await Deno.mkdir(cgroup, { recursive: true });
  const mark = (how: string) =>
    left.run(
      ..."iptables-legacy -t mangle".split(" "),
      how,
      ..."OUTPUT -m cgroup --path".split(" "),
      unit,
      "-j",
      "MARK",
      "--set-mark",
      "7",
    );
  mark("-A");
  const match = ["--direction", "out", "--match", "mark 7 and udp", "--hold"];
  await plugctlDone(left, "gate", "add", "unit", "eth0", ...match);
  using receiver = new UdpSocket(far.host, { address: far.ipv4, port: 5000 });
  // `ip netns exec` would hide the cgroups.
  const send = (cgroup: string, text: string) => {
    const script = `echo $$ >${cgroup}/cgroup.procs && printf '${text}' >/dev/udp/${far.ipv4}/5000`;
    const args = [`--net=/run/netns/${left.name}`, "bash", "-c", script];
    const { success, stderr } = new Deno.Command("nsenter", { args, stdin: "null" }).outputSync();
    assert(success, new TextDecoder().decode(stderr));
  };
  send(its, "of the unit");
  send(other, "of another");
  send(CGROUPS, "of none");
  await pair.holds("unit", 1);
  assertEquals([await received(receiver), await received(receiver)], ["of another", "of none"]);
  await plugctlDone(left, "release", "unit");
  assertEquals(await received(receiver), "of the unit");
  // Where a unit starts again it has another cgroup, of the same name: the rule has to be made anew.
  await plugctlDone(left, "buffer", "unit");
  await Deno.remove(its);
  await Deno.mkdir(its);
  send(its, "before the new rule");
  assertEquals(await received(receiver), "before the new rule");
  mark("-A");
  send(its, "behind it");
  await pair.holds("unit", 1);
  await plugctlDone(left, "gate", "delete", "unit");
  assertEquals(await received(receiver), "behind it");
  left.run("iptables-legacy", "-t", "mangle", "-F");
  for (const cgroup of [its, other, `${CGROUPS}/plugctl.slice`]) await Deno.remove(cgroup);
});

async function received(socket: UdpSocket): Promise<string> {
  let data: Uint8Array | undefined;
  await until(() => (data = socket.receive()) !== undefined, { ...WAIT, what: "a datagram" });
  return new TextDecoder().decode(data);
}

Deno.test("ct holds only what connection tracking has found so, by flower filters", async () => {
  using pair = new GatePair();
  const { left, ends: [near, far] } = pair;
  const { loadModules } = await import("./modules.ts");
  await loadModules(["iptable_mangle", "xt_conntrack", "nf_conntrack"]);
  const untracked = await plugctl(left, "gate", "add", "g", "eth0", "--direction", "out", "--match", "ct new");
  assertMatch(
    untracked.stderr,
    /no connection is tracked here at the moment: .* the gate g no packet has a state \(ct\)/,
  );
  await plugctlDone(left, "gate", "delete", "g");
  // A rule that asks for it has every packet tracked.
  left.run(..."iptables-legacy -t mangle -A OUTPUT -m conntrack --ctstate NEW -j ACCEPT".split(" "));
  using client = new UdpSocket(left, { address: near.ipv4, port: 4000 });
  using server = new UdpSocket(left, { address: near.ipv4, port: 5000 });
  using other = new UdpSocket(far.host, { address: far.ipv4, port: 6000 });
  const send = (socket: UdpSocket, text: string, to: { address: string; port: number }) =>
    socket.send(new TextEncoder().encode(text), to);
  const there = { address: far.ipv4, port: 6000 };
  send(client, "first", there);
  assertEquals(await received(other), "first");
  const add = ["gate", "add", "g", "eth0", "--direction", "out", "--hold", "--match"];
  for (
    const [match, held, passing] of [
      ["udp and ct new", "asks", "answers"],
      ["udp and ct established", "answers", "asks"],
      ["udp and ct reply and not port 4000", "answers", "asks"],
      ["udp and not ct new", "answers", "asks"],
    ]
  ) {
    assertEquals(await plugctl(left, ...add, match), { status: 0, stdout: "", stderr: "" });
    const [listed] = await pair.gates();
    assertEquals([listed.match, listed.faults], [[match], []]);
    send(other, "hello", { address: near.ipv4, port: 5000 });
    assertEquals(await received(server), "hello");
    send(server, "answers", there);
    send(client, "asks", there);
    await pair.holds("g", 1);
    assertEquals(await received(other), passing, match);
    await plugctlDone(left, "release", "g");
    assertEquals(await received(other), held, match);
    await plugctlDone(left, "gate", "delete", "g");
  }
  // A redirect makes the kernel forget it: what goes first is told by the rest of its words.
  await plugctlDone(left, ...add, "udp and (ct new or ct established)", "--first", "src port 4000");
  send(server, "answers", there);
  await pair.holds("g", 1);
  send(client, "asks", there);
  await pair.holds("g", 2);
  await plugctlDone(left, "release", "g");
  assertEquals([await received(other), await received(other)], ["asks", "answers"]);
  await plugctlDone(left, "gate", "delete", "g");
  const before = witness(left);
  for (
    const [words, says] of [
      [["out", "--match", "udp", "--first", "ct new"], /ct does not tell what goes first/],
      [["in", "--match", "ct new"], /ct is for packets that leave \(--direction out\)/],
      [["both", "--except", "ct new"], /ct is for packets that leave/],
      [["out", "--match", "ct new and greater 100"], /expected only words that flower filters can express beside ct/],
      [["out", "--match", "ct foo"], /"foo", expected new, established, related or reply/],
    ] as const
  ) {
    const { status, stderr } = await plugctl(left, "gate", "add", "g", "eth0", "--direction", ...words);
    assertEquals(status, 2, stderr);
    assertMatch(stderr, says);
  }
  const impossible = await plugctl(left, ...add, "ct new and ct established");
  assertEquals(impossible.status, 1, impossible.stderr);
  assertMatch(impossible.stderr, /new and est are mutually exclusive/);
  assertEquals(witness(left), before);
});

Deno.test("without libpcap a match that takes it is refused, nothing is touched, and doctor says so", () => {
  using pair = new GatePair();
  const { left } = pair;
  const before = witness(left);
  // What stands there under its name is no library.
  const hide = "for f in $(find /usr/lib /lib -name 'libpcap.so*'); do mount --bind /dev/null $f; done";
  const run = `${Deno.execPath()} run -A --no-check cli/main.ts`;
  const script =
    `${hide}; unset LD_LIBRARY_PATH; ${run} gate add g eth0 --direction out --match 'greater 100' 2>&1; echo status $?; ` +
    `${run} doctor | grep -i libpcap`;
  const said = left.run("unshare", "--mount", "sh", "-c", script).split("\n");
  assertEquals(said.slice(0, 2), [
    'plugctl: cannot compile "greater 100": it is more than flower filters can express, and takes libpcap, which is not there; ' +
    "install it with: apt-get install libpcap0.8, dnf install libpcap, or apk add libpcap",
    "status 4",
  ]);
  assertMatch(said[2], /^MISSING +libpcap +not on this machine +for matches beyond flower$/);
  assertEquals(witness(left), before);
});

Deno.test("two tags of VLANs, one behind the other, are told from one", async () => {
  using pair = new GatePair();
  const { left, right } = pair;
  await plugctlDone(
    left,
    "gate",
    "add",
    "q",
    "eth0",
    "--direction",
    "in",
    "--match",
    "vlan 100 and vlan 200 and ip",
    "--hold",
  );
  const ip = `450000200000000040110000${"0a000002"}${"0a000001"}0007000700080000${"00".repeat(26)}`;
  const frames = ["88a800648100", "88a800648100", "810000648100", ""];
  const ids = ["00c8", "00c9", "00c8", ""];
  using socket = new PacketSocket(right, "eth0");
  for (const [index, outer] of frames.entries()) {
    socket.send(Uint8Array.fromHex(`020000000001020000000002${outer}${ids[index]}0800${ip}`));
  }
  await pair.holds("q", 2);
  const [gate] = await pair.gates();
  assertEquals([gate.hitPackets, gate.match], [2, ["vlan 100 and vlan 200 and ip"]]);
  await plugctlDone(left, "gate", "delete", "q");
});
