/** `recover` makes a machine as it was, from what the kernel has, and leaves alone what others made. */

import { assertEquals } from "@std/assert";
import { GatePair, WAIT, witness } from "./gate_pair.ts";
import { receiveNumbers, sendNumbered } from "./numbered.ts";
import { plugctl, plugctlDone } from "./plugctl.ts";
import { UdpSocket } from "./udp_socket.ts";

const PROGRAM = `${import.meta.dirname}/killed_gate.ts`;

Deno.test("recover takes down gates, what is left of one, and plugs, and lets go what they hold", async () => {
  using pair = new GatePair();
  const [near, far] = pair.ends;
  pair.left.configure(["link add eth1 type dummy", "link set eth1 up"]);
  pair.left.run("tc", "qdisc", "add", "dev", "eth1", "root", "handle", "7:", "plug", "limit", "100000");
  const before = witness(pair.left, ["lo", "eth0", "eth1"]);

  // The kernel has the first five messages of it: no clsact, no filter.
  await pair.left.spawn([Deno.execPath(), "run", "-A", "--no-check", PROGRAM, "add", "5"]).status;
  await plugctlDone(pair.left, "gate", "add", "dns", "--dev", "lo", "--direction", "egress", "--match", "udp");
  await plugctlDone(pair.left, "attach", "--hold", "--dev", "eth0");
  using sender = new UdpSocket(pair.left, { address: near.ipv4, port: 0 });
  using receiver = new UdpSocket(pair.right, { address: far.ipv4, port: 5000 });
  sendNumbered(sender, { address: far.ipv4, port: 5000 }, { count: 100 });

  assertEquals(await plugctl(pair.left, "recover"), {
    status: 0,
    stdout: "took down gate web\ntook down gate dns\ndetached plug 504c: on eth0 (root)\n",
    stderr: "plugctl: left alone: plug 7: on eth1 (root), which plugctl did not make\n",
  });
  const numbers = Array.from({ length: 100 }, (_, index) => index);
  assertEquals(await receiveNumbers(receiver, { count: 100, ...WAIT }), numbers);
  assertEquals(witness(pair.left, ["lo", "eth0", "eth1"]), before);
  assertEquals(await plugctlDone(pair.left, "recover", "--quiet"), "there is nothing to recover\n");
});

Deno.test("recover deletes the filters of a gate whose device somebody has deleted, which lose packets", async () => {
  using pair = new GatePair();
  pair.left.run("tc", "qdisc", "add", "dev", "eth0", "clsact");
  const before = witness(pair.left);
  await plugctlDone(pair.left, "gate", "add", "web", "--dev", "eth0", "--direction", "egress", "--match", "tcp");
  pair.left.run("ip", "link", "delete", "plug-web");
  assertEquals(await plugctlDone(pair.left, "recover"), "deleted 2 filters whose gate was gone\n");
  assertEquals(witness(pair.left), before);
});
