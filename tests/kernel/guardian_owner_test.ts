/** A guardian whose process is dead, or that is told to let go, leaves alone what its process does not hold. */

import { assertEquals } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import { plugctlDone } from "./plugctl.ts";
import { hasEnded, onlyGuardian } from "./process_table.ts";
import { plugOf } from "./queue.ts";
import { until } from "./until.ts";

const PROGRAM = `${import.meta.dirname}/guardian_owner.ts`;
const WAIT = { timeoutMs: 60_000 };

/** A program that has a plug in a guardian's charge. */
class Owner {
  readonly #child: Deno.ChildProcess;

  constructor(child: Deno.ChildProcess, readonly guardian: number) {
    this.#child = child;
  }

  static async start({ left }: HoldCase, way: string): Promise<Owner> {
    const command = [Deno.execPath(), "run", "-A", "--no-check", PROGRAM, way];
    const child = left.spawn(command, { stdout: "piped" });
    const { value } = await readLines(child.stdout).next();
    return new Owner(child, Number(value?.split(" ")[0]));
  }

  /** Kills it, and waits until its guardian has done what it does. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await until(() => hasEnded(this.guardian), { ...WAIT, what: "the guardian's end" });
  }
}

/** Somebody else puts a plug where the program's was, which looks the same, and holds. */
async function anotherHolds(hold: HoldCase): Promise<void> {
  hold.left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
  await plugctlDone(hold.left, "attach", "eth0", "--limit", "1m");
  await plugctlDone(hold.left, "buffer", "eth0");
  hold.send();
}

async function isHeldStill(hold: HoldCase): Promise<void> {
  assertEquals([plugOf(hold.left).handle, hold.backlog], ["504c:", HELD]);
  await plugctlDone(hold.left, "detach", "eth0");
  await hold.isOver();
}

Deno.test("a guardian leaves a later plug of the same handle alone when its process dies", async (t) => {
  for (const way of ["attached", "attached, held and released", "opened", "opened, held and released"]) {
    await t.step(`its own was ${way}`, async () => {
      using hold = new HoldCase();
      if (way.startsWith("opened")) await plugctlDone(hold.left, "attach", "eth0");
      const owner = await Owner.start(hold, way);
      await anotherHolds(hold);
      await owner.kill();
      await isHeldStill(hold);
    });
  }

  await t.step("also where it was stopped while that went by", async () => {
    using hold = new HoldCase();
    const owner = await Owner.start(hold, "attached");
    Deno.kill(owner.guardian, "SIGSTOP");
    await anotherHolds(hold);
    const killed = owner.kill();
    Deno.kill(owner.guardian, "SIGCONT");
    await killed;
    await isHeldStill(hold);
  });
});

Deno.test("a guardian does not release what another process holds of the same plug", async (t) => {
  for (const way of ["opened", "opened, held and released", "opened, held until a deadline"]) {
    await t.step(`when its own is dead, by which it was ${way}`, async () => {
      using hold = new HoldCase();
      await plugctlDone(hold.left, "attach", "eth0", "--limit", "1m");
      const owner = await Owner.start(hold, way);
      await plugctlDone(hold.left, "buffer", "eth0");
      hold.send();
      await owner.kill();
      await isHeldStill(hold);
    });
  }

  await t.step("when it gets SIGTERM", async () => {
    using hold = new HoldCase();
    await plugctlDone(hold.left, "attach", "eth0", "--limit", "1m");
    const owner = await Owner.start(hold, "opened, held and released");
    await plugctlDone(hold.left, "buffer", "eth0");
    hold.send();
    Deno.kill(owner.guardian, "SIGTERM");
    await owner.kill();
    await isHeldStill(hold);
  });
});

/** Says more to who listens to links than a guardian's socket holds. */
function flood({ left }: HoldCase): void {
  left.run("ip", "link", "add", "flood", "type", "dummy");
  const batch = Deno.makeTempFileSync();
  Deno.writeTextFileSync(batch, "link set dev flood mtu 1400\nlink set dev flood mtu 1500\n".repeat(2000));
  left.run("ip", "-batch", batch);
  left.run("ip", "link", "delete", "flood");
}

Deno.test("a guardian that was stopped while more was said than it can hear leaves alone what may be another's", async (t) => {
  await t.step("when its process is dead", async () => {
    using hold = new HoldCase();
    const child = await hold.startHold("--dev", "eth0");
    const guardian = await onlyGuardian();
    Deno.kill(guardian, "SIGSTOP");
    child.kill("SIGKILL");
    await child.status;
    flood(hold);
    hold.left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
    hold.left.run("tc", "qdisc", "add", "dev", "eth0", "root", "handle", "504c:", "plug", "limit", "1000000");
    hold.send();
    Deno.kill(guardian, "SIGCONT");
    await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
    await isHeldStill(hold);
  });

  await t.step("at the deadline of a buffer that a release has ended meanwhile", async () => {
    using hold = new HoldCase();
    await plugctlDone(hold.left, "attach", "eth0", "--limit", "1m");
    const buffered = await plugctlDone(hold.left, "buffer", "eth0", "--max-hold", "20s", "--json");
    const [{ guardian }] = JSON.parse(buffered);
    Deno.kill(guardian, "SIGSTOP");
    flood(hold);
    hold.left.run("tc", "qdisc", "change", "dev", "eth0", "root", "handle", "504c:", "plug", "release_indefinite");
    await plugctlDone(hold.left, "buffer", "eth0");
    hold.send();
    Deno.kill(guardian, "SIGCONT");
    await until(() => hasEnded(guardian), { ...WAIT, what: "the guardian's end" });
    await isHeldStill(hold);
  });
});

Deno.test("a guardian of a deadline leaves a later plug alone when a qdisc two above it was replaced", async (t) => {
  const PRIO = "prio bands 4 priomap 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3 3";
  const ABOVE = {
    "below a prio": {
      first: [`root handle 1: ${PRIO}`, `parent 1:4 handle 10: ${PRIO}`, `parent 10:4 handle 20: ${PRIO}`],
      away: ["qdisc del dev eth0 parent 1:4"],
      again: [`parent 1:4 handle 10: ${PRIO}`, `parent 10:4 handle 20: ${PRIO}`],
    },
    "below a class of htb": {
      first: ["root handle 1: htb default 10", `parent 1:10 handle 20: ${PRIO}`],
      away: ["class del dev eth0 classid 1:10", "class add dev eth0 parent 1: classid 1:10 htb rate 1gbit"],
      again: [`parent 1:10 handle 20: ${PRIO}`],
    },
  } as const;
  for (const [where, { first, away, again }] of Object.entries(ABOVE)) {
    await t.step(where, async () => {
      using hold = new HoldCase();
      const { left } = hold;
      const batch = (...lines: string[]) => {
        const file = Deno.makeTempFileSync();
        Deno.writeTextFileSync(file, `${lines.join("\n")}\n`);
        left.run("tc", "-batch", file);
      };
      const add = (qdiscs: readonly string[]) => qdiscs.map((words) => `qdisc add dev eth0 ${words}`);
      const [root, ...others] = add(first);
      batch(
        root,
        ...where.includes("htb") ? ["class add dev eth0 parent 1: classid 1:10 htb rate 1gbit"] : [],
        ...others,
      );
      const CLASS = ["--dev", "eth0", "--parent", "20:4"];
      await plugctlDone(left, "attach", ...CLASS, "--handle", "40:", "--limit", "1m");
      const [{ guardian }] = JSON.parse(await plugctlDone(left, "buffer", ...CLASS, "--max-hold", "10s", "--json"));
      batch(...away, ...add(again), "qdisc add dev eth0 parent 20:4 handle 40: plug limit 1000000");
      hold.send();
      await until(() => hasEnded(guardian), { ...WAIT, what: "the end of a guardian that has lost its plug" });
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      assertEquals([plugOf(left).handle, hold.backlog], ["40:", HELD]);
      await plugctlDone(left, "detach", ...CLASS, "--handle", "40:");
      left.run("tc", "qdisc", "delete", "dev", "eth0", "root");
      await hold.isOver();
    });
  }
});
