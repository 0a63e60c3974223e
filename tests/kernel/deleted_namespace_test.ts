/**
 * Somebody deletes a network namespace, so that it vanishes with its devices: nobody of plugctl who has had something there
 * keeps it.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { Plug } from "../../mod.ts";
import { Conversation, type Said } from "./conversation.ts";
import { connect, Host } from "./host.ts";
import { descriptors } from "./descriptors.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { hasEnded, onlyGuardian } from "./process_table.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 60_000 };
const DEV = ["--dev", "eth0"];

function ip(...words: string[]): void {
  const { success, stderr } = new Deno.Command("ip", { args: words }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** A host at the end of a cable, which goes with that host: that is how others see that it has vanished. */
class Doomed implements Disposable {
  readonly witness = new Host();
  readonly host = new Host();

  constructor() {
    connect([this.witness, this.host]);
  }

  /** Takes its name away. */
  delete(): void {
    ip("netns", "delete", this.host.name);
  }

  async hasVanished(what: string): Promise<void> {
    const devices = () => this.witness.run("ip", "-o", "link", "show");
    await until(() => !devices().includes("eth0"), {
      ...WAIT,
      what: `the end of a namespace in which somebody ${what}`,
    });
  }

  [Symbol.dispose](): void {
    // What the host deletes at its end is there again, or still.
    if (!Array.from(Deno.readDirSync("/run/netns")).some(({ name }) => name === this.host.name)) {
      ip("netns", "add", this.host.name);
    }
    this.host[Symbol.dispose]();
    this.witness[Symbol.dispose]();
  }
}

/** What a session does in a namespace, and what it says when that is deleted. */
const DEEDS: [
  what: string,
  begin: (session: Conversation, doomed: Doomed) => Promise<(() => Promise<unknown>) | void>,
][] = [
  ["has looked at all", async (session, { host: { name: netns } }) => {
    await session.ask({ op: "show", netns });
    await session.ask({ op: "gate-list", netns });
  }],
  ["has used and taken away a plug and a gate", async (session, { host: { name: netns } }) => {
    await session.ask({ op: "attach", dev: "eth0", netns });
    await session.ask({ op: "gate-add", name: "web", dev: "eth0", direction: "out", netns });
    await session.ask({ op: "buffer", on: ["web", "eth0"], netns });
    await session.ask({ op: "release", on: ["web", "eth0"], netns });
    await session.ask({ op: "hold", on: "web", forMs: 1, netns });
    await session.ask({ op: "gate-delete", gate: "web", netns });
    await session.ask({ op: "detach", on: "eth0", netns });
  }],
  ["has a plug that passes", async (session, { host: { name: netns } }) => {
    await session.ask({ op: "attach", dev: "eth0", netns });
  }],
  ["has a gate that passes", async (session, { host: { name: netns } }) => {
    await session.ask({ op: "gate-add", name: "web", dev: "eth0", direction: "out", netns });
  }],
  ["holds with a plug of others", async (session, { host }) => {
    await plugctlDone(host, "attach", ...DEV);
    await session.ask({ op: "buffer", on: "eth0", maxMs: 600_000, netns: host.name });
    return () => session.hear(isCutShort("eth0"), "that it holds no more");
  }],
  ["holds with a gate", async (session, { host: { name: netns } }) => {
    await session.ask({ op: "gate-add", name: "mail", dev: "eth0", direction: "out", hold: true, netns });
    return () => session.hear(isCutShort("mail"), "that it holds no more");
  }],
  ["holds for a time", async (session, { host: { name: netns } }) => {
    await session.ask({ op: "gate-add", name: "news", dev: "eth0", direction: "out", netns });
    const id = await session.send({ op: "hold", on: "news", forMs: 600_000, netns });
    await session.hear((said) => said.id === id && said.event === "holding", "the beginning");
    return () => session.answer(id);
  }],
  ["waits for a counter", async (session, { host: { name: netns } }) => {
    await session.ask({ op: "attach", dev: "eth0", netns });
    const id = await session.send({ op: "wait", on: "eth0", until: "drops>0", timeoutMs: 600_000, netns });
    return async () => {
      const { error } = await session.answer(id);
      assertEquals([error?.code, error?.message], ["vanished", "its network namespace was deleted"]);
    };
  }],
];

function isCutShort(name: string): (said: Said) => boolean {
  return ({ event, name: said, disturbance }) =>
    event === "cut-short" && said === name && disturbance === "its network namespace was deleted";
}

Deno.test("a session lets go of a network namespace that is deleted, whatever it does there", async (t) => {
  using here = new Host();
  await using session = new Conversation(here, "--max-hold", "1h");
  let before = 0;
  for (const [what, begin] of DEEDS) {
    await t.step(what, async () => {
      using doomed = new Doomed();
      const told = await begin(session, doomed);
      doomed.delete();
      await doomed.hasVanished(what);
      await told?.();
      assertEquals(await session.ask({ op: "show" }), []);
    });
  }

  await t.step("and has no more open than before", async () => {
    const guardian = await onlyGuardian();
    const count = () => descriptors(session.child.pid).length + descriptors(guardian).length;
    for (const round of [0, 1, 2]) {
      const [what, begin] = DEEDS[1];
      using doomed = new Doomed();
      await begin(session, doomed);
      doomed.delete();
      await doomed.hasVanished(what);
      if (round === 0) before = count();
    }
    await until(() => count() <= before, { ...WAIT, what: `${before} descriptors, not ${count()}` });
  });
  assertEquals(await session.end(), [0, ""]);
});

Deno.test("a session keeps nothing of the namespaces in which it has nothing, though they are there", async () => {
  using here = new Host();
  const hosts = Array.from({ length: 8 }, () => new Host());
  await using session = new Conversation(here);
  const use = async (netns: string) => {
    await session.ask({ op: "show", netns });
    await session.ask({ op: "attach", dev: "lo", netns });
    await session.ask({ op: "buffer", on: "lo", netns });
    await session.ask({ op: "release", on: "lo", netns });
    await session.ask({ op: "detach", on: "lo", netns });
  };
  await use(here.name);
  await session.ask({ op: "attach", dev: "lo" });
  const guardian = await onlyGuardian();
  const count = () => descriptors(session.child.pid).length + descriptors(guardian).length;
  const before = count();
  for (const { name } of hosts) await use(name);
  // The plug of another, which is held, and passes in the end.
  await plugctlDone(hosts[0], "attach", "--dev", "lo");
  await session.ask({ op: "buffer", on: "lo", netns: hosts[0].name });
  await session.ask({ op: "release", on: "lo", netns: hosts[0].name });
  await until(() => count() <= before, { ...WAIT, what: `${before} descriptors` });
  // What it has let go it finds again.
  await session.ask({ op: "buffer", on: "lo", netns: hosts[0].name });
  assertEquals(await session.end(), [0, ""]);
  for (const host of hosts) host[Symbol.dispose]();
});

Deno.test("a session that asks by a name means the namespace that has it now", async () => {
  using here = new Host();
  using doomed = new Doomed();
  const { host } = doomed;
  await using session = new Conversation(here, "--max-hold", "1h");
  await session.ask({ op: "attach", dev: "eth0", netns: host.name });
  await session.ask({ op: "buffer", on: "eth0", netns: host.name });
  doomed.delete();
  ip("netns", "add", host.name);
  host.configure(["link add other type dummy", "link set other up"]);
  await session.ask({ op: "attach", dev: "other", netns: host.name });
  await session.hear(isCutShort("eth0"), "that what was held there is held no more");
  await doomed.hasVanished("held by its name");
  const [{ dev }] = await session.ask({ op: "show", netns: host.name }) as { dev: string }[];
  assertEquals(dev, "other");
  assertEquals(await session.end(), [0, ""]);
  assert(!host.run("tc", "qdisc", "show", "dev", "other").includes("plug"));
});

/** Whether the guardian is in the namespace itself, as one is that is started by `ip netns exec`. */
for (const isThere of [false, true]) {
  const where = isThere ? "in" : "outside of";
  Deno.test(`guardians of buffer --max-hold ${where} a namespace that is deleted let go of it, and say so`, async () => {
    using doomed = new Doomed();
    const { host } = doomed;
    const run = (...words: string[]) =>
      isThere ? Promise.resolve(host.run(...PLUGCTL, ...words)) : plugctlDone(host, ...words);
    const pids: number[] = [];
    for (const dev of ["eth0", "lo"]) {
      await plugctlDone(host, "attach", "--dev", dev);
      const [{ guardian }] = JSON.parse(await run("buffer", "--dev", dev, "--max-hold", "1h", "--json"));
      pids.push(guardian);
    }
    assert(pids.every((pid) => !hasEnded(pid)));
    doomed.delete();
    await doomed.hasVanished("keeps deadlines");
    await until(() => pids.every(hasEnded), { ...WAIT, what: "the end of the guardians" });
    const log = doomed.witness.run("busybox", "dmesg");
    for (const [index, name] of ["eth0 \\(root\\)", "lo \\(root\\)"].entries()) {
      const said = `the guardian ${
        pids[index]
      } releases ${name} before its deadline: its network namespace was deleted`;
      assertMatch(log, new RegExp(said));
    }
  });
}

/** Who holds in a namespace, and what is said when that is deleted. */
const HOLDERS: [what: string, hold: (doomed: Doomed) => Promise<() => Promise<string>>][] = [
  ["plugctl hold", async ({ host, witness }) => {
    const words = ["hold", "eth0", "--netns", host.name, "--for", "1h"];
    const child = witness.spawn([...PLUGCTL, ...words], { stdin: "null", stderr: "piped" });
    const lines = readLines(child.stderr);
    await readUntil(lines, "holding eth0");
    return async () => {
      const said = await readUntil(lines, "deleted");
      assertEquals((await child.status).code, 1);
      return said;
    };
  }],
  ["plugctl run", async ({ host, witness }) => {
    const file = await Deno.makeTempFile({ suffix: ".yaml" });
    const steps = "steps:\n  - buffer: all\n  - { log: holding }\n  - sleep: 1h\n";
    const text = `name: x\nhosts: { there: { netns: ${host.name} } }\ndefaults: { host: there }\n` +
      `timeout: 2h\nmax-hold: 2h\nplugs: { all: { dev: eth0 } }\n${steps}`;
    await Deno.writeTextFile(file, text);
    const child = witness.spawn([...PLUGCTL, "run", file], { stdin: "null", stdout: "piped", stderr: "piped" });
    const lines = readLines(child.stdout);
    await readUntil(lines, "holding");
    return async () => {
      for await (const _ of lines);
      const { code } = await child.status;
      await Deno.remove(file);
      assertEquals(code, 1);
      return await new Response(child.stderr).text();
    };
  }],
  ["a hold by the API", ({ host }) => {
    const plug = Plug.attach({ dev: "eth0", netns: host.name });
    const hold = plug.hold({ maxMs: 3_600_000 });
    assertEquals(plug.isHolding, true);
    return Promise.resolve(async () => {
      await hold.whenCutShort();
      const { disturbance } = hold.release();
      await plug.detach();
      return String(disturbance?.what).replace("-", " was ");
    });
  }],
];

async function readUntil(lines: AsyncGenerator<string>, word: string): Promise<string> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) throw new Error(`Cannot read ${word}: it ends`);
    if (value.includes(word)) return value;
  }
}

for (const [what, hold] of HOLDERS) {
  Deno.test(`${what} ends where its network namespace is deleted, and says so`, async () => {
    using doomed = new Doomed();
    const end = await hold(doomed);
    doomed.delete();
    assertMatch(await end(), /namespace was deleted/);
    await doomed.hasVanished(what);
  });
}
