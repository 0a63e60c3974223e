import { assert, assertEquals, assertMatch } from "@std/assert";
import { readLines } from "../../../linux/incoming.ts";
import { HELD, type HoldCase } from "../../kernel/hold_case.ts";
import type { BareRoot } from "./bare_root.ts";

export const DEV = ["--dev", "eth0"];
export const DONE = { status: 0, stdout: "", stderr: "" };

const SCENARIO = `
name: A ping waits at a gate
hosts: { client: {}, server: {} }
gates:
  ping: { host: client, dev: lo, direction: egress, match: icmp }
defaults: { timeout: 60s }
steps:
  - buffer: ping
  - start: { name: ping, command: [ping, -c, "1", 127.0.0.1] }
    host: client
  - wait: { gate: ping, backlog: ">=1" }
  - release-indefinite: ping
  - join: { name: ping, exit: 0 }
  - expect: { gate: ping, drops: 0 }
`;

/** What plugctl does everywhere, in a bare system, a step each. */
export async function doesItsWork(t: Deno.TestContext, bare: BareRoot, hold: HoldCase): Promise<void> {
  const plugctl = (...words: string[]) => bare.plugctl(hold.left, {}, ...words);

  await t.step(
    "attach, buffer, show, release-indefinite and detach hold what is sent, and lose none of it",
    async () => {
      assertEquals(await plugctl("attach", ...DEV, "--limit", "1m"), DONE);
      assertEquals(await plugctl("buffer", ...DEV), DONE);
      hold.send();
      const { stdout } = await plugctl("show", "--json");
      const [{ dev, stats: _stats, backlogPackets, drops }] = JSON.parse(stdout);
      assertEquals([dev, backlogPackets, drops], ["eth0", HELD, 0]);
      assertEquals(await plugctl("release-indefinite", ...DEV, "--netns", hold.left.name), DONE);
      await hold.allArrived();
      assertEquals(await plugctl("detach", ...DEV), DONE);
      await hold.isClean();
    },
  );

  await t.step("run plays a scenario, and writes its report", async () => {
    await Deno.writeTextFile(`${bare.path}/tmp/ping.yaml`, SCENARIO);
    const { status, stdout, stderr } = await plugctl("run", "/tmp/ping.yaml", "--report", "/tmp/ping.html");
    assertEquals([status, stderr], [0, "plugctl: report: /tmp/ping.html\n"], stdout);
    const report = await Deno.readTextFile(`${bare.path}/tmp/ping.html`);
    assertMatch(report, /A ping waits at a gate/);
    assert(report.includes("uPlot"));
    for (const file of ["ping.yaml", "ping.html"]) Deno.removeSync(`${bare.path}/tmp/${file}`);
    await hold.isClean();
  });

  await t.step("hold that SIGKILL ends is put right by its guardian, which is plugctl too", async () => {
    await using child = bare.spawn(hold.left, {}, ["hold", ...DEV, "--", "sh", "-c", "echo holding; sleep 600"]);
    assertEquals((await readLines(child.stdout).next()).value, "holding");
    hold.send();
    assertEquals(hold.backlog, HELD);
    child.kill("SIGKILL");
    await hold.isOver();
  });
}
