/** `buffer --max-hold` releases at its deadline, whatever has ended since, and no sooner. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { HELD, HoldCase } from "./hold_case.ts";
import type { Host } from "./host.ts";
import { PLUGCTL, plugctl, plugctlDone } from "./plugctl.ts";
import { hasEnded } from "./process_table.ts";
import { until } from "./until.ts";

const DEV = ["--dev", "eth0"];
const WAIT = { timeoutMs: 60_000 };

/** The process number of the one guardian that a command line has started, by what it printed. */
function guardianOf(json: string): number {
  const [{ guardian }] = JSON.parse(json);
  return guardian;
}

/** In how many milliseconds guardians release eth0 and the gate, by what is shown. */
async function ends(host: Host): Promise<(number | undefined)[]> {
  const plugs: { dev: string; endsInMs?: number }[] = JSON.parse(await plugctlDone(host, "show", "--json"));
  return ["eth0", "plug-web"].map((name) => plugs.find(({ dev }) => dev === name)?.endsInMs);
}

Deno.test("buffer --max-hold", async (t) => {
  using hold = new HoldCase();
  const { left } = hold;
  await plugctlDone(left, "attach", ...DEV, "--limit", "16m");
  await plugctlDone(left, "gate", "add", "web", ...DEV, "--direction", "egress", "--match", "udp");
  hold.isAsItShouldBe();

  await t.step("releases at the deadline, though the command has ended long before", async () => {
    const start = performance.now();
    const words = [...PLUGCTL, "buffer", ...DEV, "--max-hold", "10s"];
    assertEquals((await left.spawn(words, { stdin: "null" }).status).code, 0);
    hold.send();
    assertEquals(hold.backlog, HELD);
    await hold.isOver();
    assert(performance.now() - start >= 10_000);
  });

  await t.step("releases at the deadline, though epochs were released one by one before", async () => {
    await plugctlDone(left, "buffer", ...DEV, "--max-hold", "30s");
    const start = performance.now();
    for (let epoch = 0; epoch < 4; epoch++) {
      hold.send();
      await until(() => hold.backlog === HELD, { ...WAIT, what: "the epoch to be held" });
      await plugctlDone(left, "buffer", ...DEV);
      await plugctlDone(left, "release-one", ...DEV);
      await hold.whatWasSentArrived();
      assertEquals(hold.backlog, 0);
    }
    hold.send();
    await hold.isOver();
    assert(performance.now() - start >= 25_000, "the guardian waits for its deadline");
  });

  await t.step("ends its standard output and error, which nobody waits for until the deadline", async () => {
    const words = [...PLUGCTL, "buffer", ...DEV, "--max-hold", "1h", "--json"];
    const { stdout } = await left.spawn(words, { stdin: "null", stdout: "piped", stderr: "piped" }).output();
    const guardian = guardianOf(new TextDecoder().decode(stdout));
    assert(!hasEnded(guardian));
    const [endsInMs = 0, ofGate] = await ends(left);
    assert(endsInMs > 3_500_000 && endsInMs <= 3_600_000, `${endsInMs}`);
    assertEquals(ofGate, undefined);
    hold.send();
    await plugctlDone(left, "release-indefinite", ...DEV);
    await until(() => hasEnded(guardian), { ...WAIT, what: "the end of a guardian that a release has made needless" });
    assertEquals(await ends(left), [undefined, undefined]);
    await hold.isOver();
  });

  await t.step("given again counts anew: the earlier guardian goes, and releases nothing", async () => {
    const first = guardianOf(await plugctlDone(left, "buffer", ...DEV, "--max-hold", "1h", "--json"));
    hold.send();
    const second = guardianOf(await plugctlDone(left, "buffer", ...DEV, "--max-hold", "1h", "--json"));
    await until(() => hasEnded(first), { ...WAIT, what: "the earlier guardian's end" });
    assertEquals([hasEnded(second), hold.backlog], [false, HELD]);
    await plugctlDone(left, "release-indefinite", ...DEV);
    await hold.isOver();
  });

  await t.step(
    "has its guardian release and end, when that gets SIGTERM; SIGINT and SIGHUP it does not mind",
    async () => {
      const guardian = guardianOf(await plugctlDone(left, "buffer", ...DEV, "--max-hold", "1h", "--json"));
      hold.send();
      Deno.kill(guardian, "SIGINT");
      Deno.kill(guardian, "SIGHUP");
      await plugctlDone(left, "show");
      assertEquals([hasEnded(guardian), hold.backlog], [false, HELD]);
      Deno.kill(guardian, "SIGTERM");
      await hold.isOver();
    },
  );

  await t.step("stands in the way of hold, which would release sooner", async () => {
    await plugctlDone(left, "buffer", ...DEV, "--max-hold", "1h");
    const { status, stderr } = await plugctl(left, "hold", ...DEV, "--for", "1s");
    assertEquals(status, 1);
    assertMatch(
      stderr,
      /: it is held already, until the deadline that process \d+ keeps; wait until that has ended, or end it with: plugctl release/,
    );
    await plugctlDone(left, "release-indefinite", ...DEV);
    await hold.isOver();
  });

  await t.step("leaves no guardian where there is nothing to hold", async () => {
    assertEquals((await plugctl(left, "buffer", "--dev", "lo", "--max-hold", "1h")).status, 1);
    await hold.isClean();
  });

  await t.step(
    "is forgotten by its guardian with a release, though that had no time to go before the deadline",
    async () => {
      const guardian = guardianOf(await plugctlDone(left, "buffer", ...DEV, "--max-hold", "5s", "--json"));
      Deno.kill(guardian, "SIGSTOP");
      await plugctlDone(left, "release-indefinite", ...DEV);
      await plugctlDone(left, "buffer", ...DEV);
      hold.send();
      await new Promise((resolve) => setTimeout(resolve, 6000));
      Deno.kill(guardian, "SIGCONT");
      await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
      assertEquals(hold.backlog, HELD, "what was held since is nothing to it");
      await plugctlDone(left, "release-indefinite", ...DEV);
      await hold.isOver();
    },
  );

  const ways = [
    { what: "gate delete", queue: ["web"], away: () => plugctlDone(left, "gate", "delete", "web") },
    { what: "detach", queue: DEV, away: () => plugctlDone(left, "detach", ...DEV) },
  ];
  for (const { what, queue, away } of ways) {
    await t.step(`is forgotten with a ${what}`, async () => {
      const guardian = guardianOf(await plugctlDone(left, "buffer", ...queue, "--max-hold", "1h", "--json"));
      hold.send();
      await away();
      await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
      hold.isAsItShouldBe();
      await hold.isOver();
    });
  }

  await t.step("is forgotten with a plug that tc deletes", async () => {
    await plugctlDone(left, "attach", ...DEV);
    const guardian = guardianOf(await plugctlDone(left, "buffer", ...DEV, "--max-hold", "1h", "--json"));
    left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
    await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
    await hold.isClean();
  });
});

Deno.test("buffer --max-hold releases at the deadline, though the link was down and up again before", async () => {
  using hold = new HoldCase();
  const { left } = hold;
  await plugctlDone(left, "attach", ...DEV, "--limit", "16m");
  const guardian = guardianOf(await plugctlDone(left, "buffer", ...DEV, "--max-hold", "15s", "--json"));
  hold.send();
  assertEquals(hold.backlog, HELD);
  // The kernel discards what waited, and the plug holds what is sent from then on.
  left.configure(["link set eth0 down", "link set eth0 up"]);
  assertEquals(hold.backlog, 0);
  await until(() => {
    hold.send(1);
    return hold.backlog > 0;
  }, { ...WAIT, what: "packets to be held again" });
  assert(!hasEnded(guardian));
  await until(() => hold.backlog === 0, { ...WAIT, what: "the guardian to release" });
  await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
});
