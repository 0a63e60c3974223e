/**
 * A plug that holds nothing yet is released by tc and made to hold again: no packet tells, and the kernel says no more than that
 * it was changed. Whoever held it first leaves it alone, and says so.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Scenario } from "../../mod.ts";
import { Connection } from "../../netlink/connection.ts";
import { Gate, Plug } from "../../mod.ts";
import { Conversation } from "./conversation.ts";
import { DEV, GATE, WAIT } from "./disturbed.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { hasEnded } from "./process_table.ts";
import { plugOf } from "./queue.ts";
import { until } from "./until.ts";

const SAYS =
  /changed it more than once, so that it may have been released, and be held by others since: it is left alone/;

/** A plug that is there before anybody holds it, a device's or a gate's. */
class Empty extends HoldCase {
  readonly dev: string;
  /** The words that name it. */
  readonly words: string[];

  private constructor(isGate: boolean) {
    super();
    this.dev = isGate ? "plug-web" : "eth0";
    this.words = isGate ? ["web"] : ["--dev", "eth0"];
  }

  static async make({ isGate = false } = {}): Promise<Empty> {
    const empty = new Empty(isGate);
    await plugctlDone(empty.left, ...isGate ? GATE : ["attach", ...DEV]);
    empty.isAsItShouldBe();
    return empty;
  }

  /** Asks the kernel for changes, as tc does. */
  tc(...actions: string[]): void {
    const change = ["qdisc", "change", "dev", this.dev, "root", "handle", "504c:", "plug"];
    for (const action of actions) this.left.run("tc", ...change, ...action.split(" "));
  }

  /** Others hold it by now, whom nobody disturbs; then they let it go. */
  async isOfOthers(): Promise<void> {
    this.send();
    await until(() => plugOf(this.left, this.dev).qlen === HELD, { ...WAIT, what: "all to be held" });
    this.tc("release_indefinite");
    await this.isOver();
  }

  /** Holds until a deadline, and returns the number of the guardian that keeps it. */
  async buffer(maxHold: string): Promise<number> {
    const json = await plugctlDone(this.left, "buffer", ...this.words, "--max-hold", maxHold, "--json");
    return JSON.parse(json)[0].guardian;
  }
}

Deno.test("a guardian of buffer --max-hold whose plug held nothing", async (t) => {
  for (const isGate of [false, true]) {
    const what = isGate ? "a gate" : "a device";
    await t.step(`leaves alone what tc has released and holds again, of ${what}, and says so`, async () => {
      using empty = await Empty.make({ isGate });
      const guardian = await empty.buffer("1h");
      empty.tc("release_indefinite", "block");
      await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
      const said = `the guardian ${guardian} leaves ${
        isGate ? "gate web" : "eth0 (root)"
      } alone: others have changed it`;
      assert(empty.left.run("busybox", "dmesg").includes(said));
      await empty.isOfOthers();
    });
  }

  await t.step("does so where plugctl holds it again", async () => {
    using empty = await Empty.make();
    const guardian = await empty.buffer("1h");
    empty.tc("release_indefinite");
    await plugctlDone(empty.left, "buffer", "--dev", "eth0");
    await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
    await empty.isOfOthers();
  });

  await t.step("does so where it was stopped meanwhile, and wakes behind its deadline", async () => {
    using empty = await Empty.make();
    const guardian = await empty.buffer("5s");
    Deno.kill(guardian, "SIGSTOP");
    empty.tc("release_indefinite", "block");
    empty.send();
    await new Promise((resolve) => setTimeout(resolve, 6000));
    Deno.kill(guardian, "SIGCONT");
    await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
    assertEquals(plugOf(empty.left).qlen, HELD);
    empty.tc("release_indefinite");
    await empty.isOver();
  });

  const harmless: [what: string, disturb: (empty: Empty) => unknown][] = [
    ["nobody has touched", () => {}],
    ["tc has given another limit", (empty) => empty.tc("limit 8000000")],
    ["tc has released", (empty) => empty.tc("release_indefinite")],
    ["plugctl has taken through epochs", async ({ left }) => {
      for (const words of [["buffer"], ["release-one"], ["limit", "8m"], ["buffer"]]) {
        await plugctlDone(left, ...words, "--dev", "eth0");
      }
    }],
  ];
  await t.step("keeps its deadline of others", async () => {
    using stack = new DisposableStack();
    const kept: { what: string; empty: Empty; guardian: number }[] = [];
    for (const [what, disturb] of harmless) {
      const empty = stack.use(await Empty.make());
      const guardian = await empty.buffer("20s");
      await disturb(empty);
      kept.push({ what, empty, guardian });
    }
    for (const { what, guardian } of kept) {
      await until(() => hasEnded(guardian), { ...WAIT, what: `the end of the guardian of one that ${what}` });
    }
    for (const { empty } of kept) await empty.isOver();
  });
});

Deno.test("whoever holds a plug that held nothing is told that it may be another's", async (t) => {
  for (const isGate of [false, true]) {
    await t.step(`plugctl hold of ${isGate ? "a gate" : "a device"}`, async () => {
      using empty = await Empty.make({ isGate });
      const { outcome, endCommand } = await empty.hold(empty.words);
      empty.tc("release_indefinite", "block");
      endCommand();
      const { status, stderr } = await outcome;
      assertEquals(status, 1, stderr);
      assertMatch(stderr, SAYS);
      await empty.isOfOthers();
    });
  }

  await t.step("a session", async () => {
    using empty = await Empty.make();
    await using session = new Conversation(empty.left, "--max-hold", "1h");
    await session.ask({ op: "buffer", on: "eth0" });
    empty.tc("release_indefinite", "block");
    const { disturbance } = await session.hear(({ event }) => event === "cut-short", "what others did");
    assertMatch(String(disturbance), SAYS);
    assertEquals(await session.end(), [0, ""]);
    await empty.isOfOthers();
  });

  for (const what of ["plug", "gate"] as const) {
    await t.step(`a hold of a ${what} by the API`, async () => {
      using empty = await Empty.make({ isGate: what === "gate" });
      using connection = Connection.open({ netns: empty.left.name });
      using place = what === "gate" ? Gate.named(connection, ["web"])[0] : Plug.open({ dev: "eth0", connection });
      const hold = place.hold({ maxMs: 600_000 });
      empty.tc("release_indefinite", "block");
      assertEquals(await hold.whenCutShort(), "disturbed");
      const { disturbance, cutShort } = hold.release();
      assertEquals([disturbance?.what, cutShort], ["unclear", true]);
      await empty.isOfOthers();
    });
  }

  await t.step("a scenario", async () => {
    using empty = new HoldCase();
    const change = "tc qdisc change dev eth0 root handle 504c: plug";
    const scenario = await Scenario.parse(`name: a plug that others take
hosts: { near: { netns: ${empty.left.name} } }
defaults: { host: near }
plugs: { all: { dev: eth0 } }
steps:
  - buffer: all
  - run: "${change} release_indefinite && ${change} block && sleep 600"
`);
    const { outcome, undone, error } = await scenario.run();
    assertEquals([outcome, undone], ["failed", true]);
    assertMatch(String(error), SAYS);
    await empty.isOver();
  });

  await t.step("a guardian whose process is killed leaves it alone", async () => {
    using empty = await Empty.make();
    const child = empty.left.spawn([...PLUGCTL, "hold", "eth0", "--for", "1h"], { stdin: "null", stderr: "piped" });
    let said = "";
    const reading = (async () => {
      for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
    })();
    await until(() => said.includes("holding eth0"), { ...WAIT, what: "the hold" });
    child.kill("SIGSTOP");
    empty.tc("release_indefinite", "block");
    child.kill("SIGKILL");
    await child.status;
    await reading;
    await until(() => empty.left.run("busybox", "dmesg").includes("leaves eth0 (root) alone: others have changed it"), {
      ...WAIT,
      what: "what the guardian says",
    });
    await empty.isOfOthers();
  });
});
