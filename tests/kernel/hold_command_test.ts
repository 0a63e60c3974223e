/** However `plugctl hold` ends, nothing that it held is lost, and the machine is as it was. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Connection } from "../../netlink/connection.ts";
import { findGuardians, markOfPlug } from "../../guardian/mark.ts";
import { findDevice } from "../../plug/qdiscs.ts";
import { seen } from "./disturbed.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import type { Host } from "./host.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { qdiscs } from "./queue.ts";
import { ROUNDS, rounds } from "./rounds.ts";
import { UdpSocket } from "./udp_socket.ts";

const DEV = ["--dev", "eth0", "--limit", "16m"];
const GATE = ["--dev", "eth0", "--direction", "egress", "--match", "udp dst port 5000"];

Deno.test("plugctl hold", async (t) => {
  using hold = new HoldCase();

  const test = (name: string, round: () => Promise<number | void>) => t.step(name, () => rounds(round));

  await test("hold releases and detaches when the command has ended, and reports what it held", async () => {
    const file = await Deno.makeTempFile({ prefix: "plugctl-report-" });
    const { outcome, endCommand } = await hold.hold([...DEV, "--expect-lossless", "--report", file]);
    hold.send();
    assertEquals(hold.backlog, HELD);
    endCommand();
    const { status, stdout, stderr } = await outcome;
    const bytes = HELD * 46;
    assertMatch(
      stderr,
      RegExp(
        `^plugctl: holding eth0\nplugctl: held ${HELD} packets, ${bytes} bytes, at eth0 \\(root\\) for [\\d.]+ ms at the longest, dropped none\n$`,
      ),
    );
    const { heldMs: _heldMs, ...report } = JSON.parse(await Deno.readTextFile(file));
    await Deno.remove(file);
    const queues = [{ queue: "eth0 (root)", packets: HELD, bytes, drops: 0 }];
    assertEquals([stdout, status, report], ["", 0, { endedBy: "command", queues, drops: 0, commandStatus: 0 }]);
    return await hold.isOver();
  });

  await test("hold exits with the status of a command that fails", async () => {
    const { outcome, endCommand } = await hold.hold(DEV, { then: "exit 7" });
    hold.send();
    endCommand();
    assertEquals((await outcome).status, 7);
    return await hold.isOver();
  });

  await test("hold ends with a command that exits at once, whatever else it could wait for", async () => {
    const ends = ["--for", "20s", "--until", "backlog>=1000"];
    const { status, stderr } = await plugctl(hold.left, "hold", ...DEV, ...ends, "--", "true");
    assertEquals(status, 0);
    assertMatch(stderr, /\nplugctl: released at the command's end, without backlog>=1000\n$/);
    return await hold.isOver();
  });

  await test("hold takes away what it attached for a command that is not there", async () => {
    const { status, stderr } = await plugctl(hold.left, "hold", ...DEV, "--", "/nosuch");
    assertEquals([status, stderr], [
      127,
      "plugctl: holding eth0\nplugctl: cannot run /nosuch: there is no such command\n",
    ]);
    return await hold.isOver();
  });

  await test("hold --for releases while the command goes on", async () => {
    const { outcome, endCommand } = await hold.hold([...DEV, "--for", "500ms"]);
    hold.send();
    await hold.allArrived();
    endCommand();
    assertEquals((await outcome).status, 0);
    return await hold.isOver();
  });

  await test("hold --until releases when so many packets wait", async () => {
    const outcome = plugctl(hold.left, "hold", ...DEV, "--until", "backlog>=3", "--json");
    // What is sent before it holds passes.
    const timer = setInterval(() => hold.send(1), 20);
    const { status, stdout, stderr } = await outcome;
    clearInterval(timer);
    const { endedBy, queues: [{ packets }] } = JSON.parse(stdout);
    assertEquals([status, endedBy, packets >= 3], [0, "until", true], stderr);
    return await hold.isOver();
  });

  await test("hold is ended by its guardian at the deadline, and says so", async () => {
    const { outcome, endCommand } = await hold.hold([...DEV, "--max-hold", "2s"]);
    const start = performance.now();
    hold.send();
    await hold.allArrived();
    const late = performance.now() - start - 2000;
    endCommand();
    const { status, stderr } = await outcome;
    assertEquals(status, 1);
    assertMatch(stderr, /\nplugctl: the guardian released it: 2s had passed, the most that was allowed\n$/);
    await hold.isOver();
    return late;
  });

  await test("hold says that the plug has vanished, when its device is deleted in the middle", async () => {
    const { outcome, endCommand } = await hold.hold(DEV);
    hold.send();
    await seen();
    await hold.withoutCable(async () => {
      endCommand();
      const { status, stderr } = await outcome;
      assertEquals(status, 1);
      assertMatch(
        stderr,
        /^plugctl: holding eth0\nplugctl: cannot release eth0 \(root\): the plug vanished, with what it still held: its device was deleted, or moved to another namespace: at least 50 packets are lost\n$/,
      );
    });
  });

  await test("hold says that what a gate held is lost, when its device is deleted in the middle", async () => {
    hold.left.configure(["link add gone0 type dummy", "link set gone0 up", "address add 10.7.0.1/24 dev gone0"]);
    await plugctlDone(hold.left, "gate", "add", "lost", "--dev", "gone0", "--direction", "egress", "--match", "udp");
    const { outcome, endCommand } = await hold.hold(["lost"]);
    {
      using sender = new UdpSocket(hold.left, { address: "10.7.0.1", port: 0 });
      sender.send(new Uint8Array(1), { address: "10.7.0.2", port: 5000 });
    }
    await seen();
    hold.left.configure(["link delete gone0"]);
    endCommand();
    const { status, stderr } = await outcome;
    assertEquals(status, 1);
    assertMatch(
      stderr,
      /^plugctl: holding gate lost\nplugctl: cannot release gate lost: a device that it is on is gone, and what it held of that is lost: at least 1 packet is lost\n$/,
    );
    await plugctlDone(hold.left, "gate", "delete", "lost");
    return await hold.isOver();
  });

  await test("hold --until ends when its device is deleted", async () => {
    const outcome = plugctl(hold.left, "hold", ...DEV, "--until", "backlog>=1");
    await hold.isAttached();
    await hold.withoutCable(async () => {
      const { status, stderr } = await outcome;
      assertEquals([status, stderr.includes("vanished")], [1, true], stderr);
    });
  });

  await test("hold --expect-lossless exits with 3, when packets were dropped", async () => {
    const options = ["--dev", "eth0", "--limit", "1000", "--expect-lossless"];
    const { outcome, endCommand } = await hold.hold(options);
    hold.send();
    const waiting = hold.backlog;
    endCommand();
    const { status, stderr } = await outcome;
    assertEquals([status, stderr.includes(`held ${waiting} packets`), stderr.includes(`dropped ${HELD - waiting}`)], [
      3,
      true,
      true,
    ]);
    await hold.allArrivedBut(HELD - waiting);
    return await hold.isOver();
  });

  await test("hold refuses what another holds, which goes on", async () => {
    const { outcome, endCommand } = await hold.hold(DEV);
    hold.send();
    const { status, stderr } = await plugctl(hold.left, "hold", "--dev", "eth0", "--for", "1s");
    assertEquals(status, 1);
    assertMatch(
      stderr,
      // Here both are commands of one process
      /^plugctl: cannot hold eth0 \(root\): this process holds it already, with process \d+ as its guardian/,
    );
    assertEquals(hold.backlog, HELD);
    endCommand();
    assertEquals((await outcome).status, 0);
    return await hold.isOver();
  });

  await test("hold releases at once and exits with 1, when its guardian is killed", async () => {
    const { outcome, endCommand } = await hold.hold(DEV);
    hold.send();
    Deno.kill(guardianOf(hold.left), "SIGKILL");
    await hold.allArrived();
    endCommand();
    const { status, stderr } = await outcome;
    assertEquals([status, stderr.includes("its guardian has ended")], [1, true], stderr);
    return await hold.isOver();
  });

  await test("hold leaves a gate that was there, and a plug that was there", async () => {
    await plugctlDone(hold.left, "gate", "add", "web", ...GATE);
    await plugctlDone(hold.left, "attach", "--dev", "lo");
    hold.isAsItShouldBe();
    const { outcome, endCommand } = await hold.hold(["web", "--dev", "lo"]);
    hold.send();
    endCommand();
    const { status, stderr } = await outcome;
    assertEquals([status, stderr.includes(`held ${HELD} packets`), stderr.includes("held 0 packets")], [0, true, true]);
    const passed = await hold.isOver();
    await hold.without(["gate", "delete", "web"], ["detach", "--dev", "lo"]);
    return passed;
  });

  for (const [signal, number] of [["SIGINT", 2], ["SIGTERM", 15], ["SIGHUP", 1]] as const) {
    await test(`hold that ${signal} ends releases first, and ends the command`, async () => {
      const child = await hold.startHold(...DEV);
      hold.send();
      child.kill(signal);
      const passed = hold.isOver();
      assertEquals((await child.status).code, 128 + number);
      return await passed;
    });
  }

  await test("hold that SIGKILL ends is put right by its guardian, and so is the command", async () => {
    const child = await hold.startHold(...DEV);
    hold.send();
    child.kill("SIGKILL");
    return await hold.isOver();
  });

  await test("hold that SIGKILL ends is in nobody's way: a detach right behind it is not refused", async () => {
    await plugctlDone(hold.left, "attach", ...DEV);
    const child = await hold.startHold("--dev", "eth0");
    hold.send();
    child.kill("SIGKILL");
    await plugctlDone(hold.left, "detach", "--dev", "eth0");
    return await hold.isOver();
  });

  await test("hold of a gate that SIGKILL ends leaves the gate, which passes packets", async () => {
    await plugctlDone(hold.left, "gate", "add", "web", ...GATE);
    hold.isAsItShouldBe();
    const child = await hold.startHold("web");
    hold.send();
    child.kill("SIGKILL");
    const passed = await hold.isOver();
    await hold.without(["gate", "delete", "web"]);
    return passed;
  });

  await t.step("hold --ready-fd lets a shell script send when it holds, without a race", async () => {
    const script = `
      set -e
      folder=$(mktemp -d)
      mkfifo $folder/ready
      "$@" hold eth0 --limit 16m --until 'backlog>=5' --for 100s --ready-fd 3 --report fd:4 3>$folder/ready 4>$folder/report &
      read line <$folder/ready
      echo "$line"
      tc -s -json qdisc show dev eth0 | grep -o '"kind":"plug"'
      for n in 1 2 3 4 5; do echo $n >/dev/udp/10.0.0.2/5001; done
      wait $!
      cat $folder/report
      rm -r $folder`;
    const child = hold.left.spawn(["bash", "-c", script, "bash", ...PLUGCTL], { stdout: "piped", stderr: "piped" });
    const { code, stdout, stderr } = await child.output();
    const [line, plug, ...report] = new TextDecoder().decode(stdout).split("\n");
    assertEquals([code, line, plug], [0, "holding eth0", '"kind":"plug"'], new TextDecoder().decode(stderr));
    const { endedBy, queues: [{ packets }] } = JSON.parse(report.join("\n"));
    assertEquals([endedBy, packets], ["until", 5]);
    await hold.isOver();
  });

  await t.step(
    "hold refuses a descriptor that is closed, for reading, or wrong, before it touches anything",
    async () => {
      const before = qdiscs(hold.left);
      for (
        const [words, redirection, message] of [
          ["--ready-fd 7", "", "cannot write to file descriptor 7: it is not open"],
          ["--ready-fd 7", "7</dev/null", "cannot write to file descriptor 7: it is open for reading only"],
          ["--report fd:7", "", "cannot write to file descriptor 7: it is not open"],
          ["--report /nosuch/report", "", "cannot write the report /nosuch/report: there is no folder /nosuch/"],
          ["--ready-fd x", "", 'invalid --ready-fd "x": use the number of an open file descriptor, such as 3'],
          ["--json", "-- true", "--json would mix with the output of the command: write the report elsewhere"],
        ] as const
      ) {
        const script = `exec "$@" hold eth0 --for 1s ${words} ${redirection}`;
        const child = hold.left.spawn(["bash", "-c", script, "bash", ...PLUGCTL], { stdout: "piped", stderr: "piped" });
        const { code, stderr } = await child.output();
        const said = new TextDecoder().decode(stderr);
        assertEquals([code > 0, said.startsWith(`plugctl: ${message}`)], [true, true], said);
        assertEquals(qdiscs(hold.left), before);
      }
    },
  );

  await t.step("hold --for longer than the default has a guardian that waits a little longer", async () => {
    const child = hold.left.spawn([...PLUGCTL, "hold", ...DEV, "--for", "31s"], { stdout: "null", stderr: "piped" });
    const { code, stderr } = await child.output();
    assertEquals([code, new TextDecoder().decode(stderr).includes("guardian")], [0, false]);
    await hold.isOver();
  });

  await t.step(
    "hold that SIGKILL ends behind any of its messages loses nothing, and leaves nothing behind",
    async () => {
      // Each of them where there is time for that.
      const step = ROUNDS > 1 ? 1 : 4;
      const timer = setInterval(() => hold.send(1), 20);
      let send = 2;
      while (await isKilledAt(hold, send)) send += step;
      clearInterval(timer);
      await hold.isOver();
      assert(send > 15, `it sent ${send} messages`);
    },
  );
});

/** Whether `hold` is killed at the send of this number, counted from 1; otherwise it has come to its end. */
async function isKilledAt(hold: HoldCase, send: number): Promise<boolean> {
  const strace = ["strace", "-qq", "-o", "/dev/null", "-e", `inject=sendto:signal=SIGKILL:when=${send}`];
  const child = hold.left.spawn([...strace, ...PLUGCTL, "hold", ...DEV, "--quiet", "--for", "50ms"], { stdin: "null" });
  // So that something waits whenever it is killed.
  const timer = setInterval(() => hold.send(1), 10);
  const { signal, code } = await child.status;
  clearInterval(timer);
  if (signal === null) assertEquals(code, 0);
  await hold.isOver();
  return signal !== null;
}

/** The number of the process that stands guard for a host's `eth0`. */
function guardianOf(host: Host): number {
  using connection = Connection.open({ netns: host.name });
  const marks = [markOfPlug({ ifindex: findDevice(connection, "eth0"), parent: 0xffffffff })];
  return findGuardians("held", { connection, marks })[0];
}
