/** What a release tells of what it has let go, and that nothing ends in silence. */

import { assertEquals, assertMatch } from "@std/assert";
import { HELD, HoldCase } from "./hold_case.ts";
import { Host } from "./host.ts";
import { type Outcome, plugctl, plugctlDone } from "./plugctl.ts";
import { plugOf } from "./queue.ts";
import { UdpSocket } from "./udp_socket.ts";

const QUIETLY = { status: 0, stdout: "", stderr: "" };
const said = (stderr: string, status = 0): Outcome => ({ status, stdout: "", stderr: `plugctl: ${stderr}\n` });

Deno.test("release and release-one", async (t) => {
  using hold = new HoldCase();
  const { left } = hold;
  const run = (...words: string[]) => plugctl(left, ...words, "eth0");
  await plugctlDone(left, "attach", "eth0");

  await t.step("release of a plug that holds nothing says so", async () => {
    assertEquals(await run("release"), said("nothing was held at eth0 (root)"));
    assertEquals(await run("release", "--quiet"), QUIETLY);
  });

  await t.step("release-one says that nothing is held, while packets pass", async () => {
    hold.send();
    await hold.allArrived();
    assertEquals(await run("release-one"), said("release-one released nothing: nothing is held at eth0 (root)"));
  });

  await t.step("release-one without an ended epoch releases nothing, and says why", async () => {
    await plugctlDone(left, "buffer", "eth0");
    hold.send();
    const why =
      `release-one released nothing: since the last release no epoch with packets has ended at eth0 (root), ` +
      `which buffer does; ${HELD} packets wait`;
    assertEquals(await run("release-one"), said(why));
    assertEquals(hold.backlog, HELD);
    await plugctlDone(left, "buffer", "eth0");
    hold.send(3);
    assertEquals(await run("release-one"), QUIETLY);
    // At once: what is read behind it is no number of before.
    assertEquals(hold.backlog, 3);
    assertEquals((await run("release-one")).stderr.includes("released nothing"), true);
  });

  await t.step(
    "release tells in JSON how many packets it has let go, and show right behind it that none waits",
    async () => {
      const [report] = JSON.parse(await plugctlDone(left, "release", "eth0", "--json"));
      assertEquals([report.releasedPackets, report.waitingPackets, report.lostPackets], [3, 0, 0]);
      for (let round = 0; round < 5; round++) {
        await plugctlDone(left, "buffer", "eth0");
        hold.send();
        assertEquals(await run("release"), QUIETLY);
        const [{ backlogPackets }] = JSON.parse(await plugctlDone(left, "show", "eth0", "--json"));
        assertEquals(backlogPackets, 0);
      }
      await hold.allArrived();
    },
  );

  await plugctlDone(left, "detach", "eth0");
  await hold.isOver();
});

Deno.test("release, gate delete and recover of a gate whose device was deleted say how many packets are lost", async () => {
  using host = new Host();
  for (const command of [["release"], ["release-one"], ["gate", "delete"], ["recover"]]) {
    host.configure(["link add gone0 type dummy", "link set gone0 up", "address add 10.7.0.1/24 dev gone0"]);
    await plugctlDone(host, "gate", "add", "lost", "gone0", "--direction", "out", "--match", "udp");
    await plugctlDone(host, "buffer", "lost");
    {
      using sender = new UdpSocket(host, { address: "10.7.0.1", port: 0 });
      for (let count = 0; count < 7; count++) sender.send(new Uint8Array(1), { address: "10.7.0.2", port: 5000 });
    }
    await plugctlDone(host, "buffer", "lost");
    assertEquals(plugOf(host, "plug-lost").qlen, 7);
    host.configure(["link delete gone0"]);
    const lost = "the gate lost released 7 packets that are lost, or some of them: a device that it was on is gone";
    if (command[0] === "recover") {
      const stdout = `took down gate lost; ${lost.replace("the gate lost", "it")}\n`;
      assertEquals(await plugctl(host, "recover"), { status: 0, stdout, stderr: "" });
      continue;
    }
    assertEquals(await plugctl(host, ...command, "lost"), said(lost, 1));
    if (command[0] !== "gate") await plugctlDone(host, "gate", "delete", "lost");
    assertMatch((await plugctl(host, "gate", "list")).stderr, /there is no gate/);
  }
});
