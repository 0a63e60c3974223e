/** `plugctl session`: what another program holds and lets go by lines of JSON, and what is left when it ends, however it does. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { readLines } from "../../linux/incoming.ts";
import { Conversation } from "./conversation.ts";
import { HELD, HoldCase } from "./hold_case.ts";
import type { Host } from "./host.ts";
import { PLUGCTL, plugctlDone } from "./plugctl.ts";
import { onlyGuardian } from "./process_table.ts";
import { plugOf } from "./queue.ts";
import { rounds } from "./rounds.ts";
import { until } from "./until.ts";

const WAIT = { timeoutMs: 60_000 };
const GATE = { op: "gate-add", name: "web", dev: "eth0", direction: "out", match: "udp dst port 5000" };

Deno.test("a session holds, waits, counts and lets go, a gate and a plug", async () => {
  using hold = new HoldCase();
  await using session = new Conversation(hold.left);
  assertMatch(JSON.stringify(await session.hear(({ event }) => event === "ready", "ready")), /"operations":\["attach"/);
  const { name, made } = await session.ask(GATE) as { name: string; made: boolean };
  assertEquals([name, made], ["web", true]);
  for (const on of ["web", "eth0"]) {
    if (on === "eth0") await session.ask({ op: "attach", dev: "eth0", limitBytes: 1 << 24 });
    assertEquals(await session.ask({ op: "buffer", on }), [{ name: on, maxMs: 30_000 }]);
    const waiting = session.send({ op: "wait", on, until: `backlog>=${HELD}` });
    hold.send();
    const { result } = await session.answer(await waiting);
    assertEquals((result as { backlogPackets: number }[])[0].backlogPackets, HELD);
    const counts = await session.ask({ op: "counts", on });
    assertEquals((counts as { name: string; drops: number }[]).map(({ name, drops }) => [name, drops]), [[on, 0]]);
    const released = [{ name: on, releasedPackets: HELD, waitingPackets: 0, lostPackets: 0 }];
    assertEquals(await session.ask({ op: "release", on }), released);
    await hold.allArrived();
  }
  assertEquals((await session.ask({ op: "show" }) as { dev: string }[]).map(({ dev }) => dev).sort(), [
    "eth0",
    "plug-web",
  ]);
  assertEquals((await session.ask({ op: "gate-list" }) as { match: string[] }[])[0].match, ["udp dst port 5000"]);
  await session.ask({ op: "detach", on: "eth0" });
  await session.ask({ op: "gate-delete", gate: "web" });
  assertEquals(await session.end(), [0, ""]);
  await hold.isOver();
});

Deno.test("a session releases epoch by epoch", async () => {
  using hold = new HoldCase();
  await using session = new Conversation(hold.left);
  await session.ask(GATE);
  // Whoever has made it takes it away, also where it asks for it once more.
  assertEquals(await session.ask(GATE), { name: "web", made: false, warnings: [] });
  await session.ask({ op: "buffer", on: "web" });
  hold.send(3);
  await session.ask({ op: "wait", on: "web", until: "backlog==3" });
  await session.ask({ op: "buffer", on: "web" });
  hold.send(2);
  await session.ask({ op: "wait", on: "web", until: "backlog==5" });
  const orphan = await session.answer(await session.send({ op: "buffer", on: "web" }));
  assertEquals(orphan.error?.code, "would-orphan");
  const [{ releasedPackets, waitingPackets }] = await session.ask({ op: "release-one", on: "web" }) as Record<
    string,
    number
  >[];
  assertEquals([releasedPackets, waitingPackets], [3, 2]);
  assertEquals(await session.end(), [0, ""]);
  await hold.isOver();
});

Deno.test("a session holds for a time, says when it has begun, and answers others meanwhile", async () => {
  using hold = new HoldCase();
  await using session = new Conversation(hold.left);
  await session.ask(GATE);
  // Told to end, it ends at once; and of one that has ended nothing is cancelled.
  const long = await session.send({ op: "hold", on: "web", forMs: 600_000 });
  const begun = await session.hear((said) => said.id === long && said.event === "holding", "the beginning");
  assertEquals(begun.names, ["web"]);
  hold.send();
  await session.ask({ op: "wait", on: "web", until: `backlog>=${HELD}`, timeoutMs: 60_000 });
  assertEquals(await session.ask({ op: "cancel", request: long }), { cancelled: true });
  const ended = (await session.answer(long)).result as Record<string, unknown>;
  assertEquals([ended.cutShort, ended.queues], [false, [{ name: "web", packets: HELD, bytes: HELD * 46, drops: 0 }]]);
  await hold.allArrived();
  assertEquals(await session.ask({ op: "cancel", request: long }), { cancelled: false });
  const { heldMs, cutShort } = await session.ask({ op: "hold", on: "web", forMs: 300 }) as Record<string, unknown>;
  assertEquals(cutShort, false);
  assert(Number(heldMs) >= 300, `${heldMs}`);
  assertEquals(await session.end(), [0, ""]);
  await hold.isOver();
});

Deno.test("a session tells what was let go without its asking", async (t) => {
  using hold = new HoldCase();
  await using session = new Conversation(hold.left, "--max-hold", "1h");
  await session.ask(GATE);

  await t.step("because the longest time was over that a request allows", async () => {
    assertEquals(await session.ask({ op: "buffer", on: "web", maxMs: 300 }), [{ name: "web", maxMs: 300 }]);
    hold.send();
    const { name, why } = await session.hear(
      ({ event, why }) => event === "cut-short" && why === "deadline",
      "the deadline",
    );
    assertEquals([name, why], ["web", "deadline"]);
    await hold.allArrived();
  });

  await t.step("because another has released it", async () => {
    assertEquals(await session.ask({ op: "buffer", on: "web" }), [{ name: "web", maxMs: 3_600_000 }]);
    hold.send();
    await plugctlDone(hold.left, "release", "web");
    const { name, disturbance } = await session.hear(({ why }) => why === "disturbed", "the release");
    assertEquals(name, "web");
    assertMatch(String(disturbance), / released what it held$/);
    await hold.allArrived();
  });

  assertEquals(await session.end(), [0, ""]);
  await hold.isOver();
});

Deno.test("a session takes a list in one line, in one send, and answers it in one", async () => {
  using hold = new HoldCase();
  const trace = Deno.makeTempFileSync();
  const strace = ["strace", "-qq", "-e", "trace=sendto", "-o", trace];
  const child = hold.left.spawn([...strace, ...PLUGCTL, "session"], { stdin: "piped", stdout: "piped" });
  const heard = readLines(child.stdout);
  const input = child.stdin.getWriter();
  const ask = async (line: unknown) => {
    await input.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
    return JSON.parse((await heard.next()).value ?? "");
  };
  await heard.next();
  const names = ["a", "b", "c"];
  for (const [index, name] of names.entries()) {
    await ask({ id: index, ...GATE, name, match: `udp dst port ${6000 + index}` });
  }
  const buffers = names.map((on, id) => ({ id, op: "buffer", on }));
  await ask(buffers);
  await ask(names.map((on, id) => ({ id, op: "release", on, count: false })));
  // RTM_NEWQDISC: what it looks at beforehand, and says to its guardian, is something else.
  const sent = () => Deno.readTextFileSync(trace).split("\n").filter((line) => /^sendto.*nlmsg_type=0x24 /.test(line));
  const before = sent().length;
  assertEquals(await ask(buffers), names.map((name, id) => ({ id, result: [{ name, maxMs: 30_000 }] })));
  assertEquals(sent().length - before, 1, sent().slice(before).join("\n"));
  await input.close();
  assertEquals((await child.status).code, 0);
  await hold.isOver();
});

Deno.test("a session that ends leaves what was there before, passing", async () => {
  using hold = new HoldCase();
  await plugctlDone(hold.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", GATE.match);
  await plugctlDone(hold.left, "attach", "eth0", "--limit", "16m");
  hold.isAsItShouldBe();
  await using session = new Conversation(hold.left);
  await session.ask({ op: "buffer", on: ["web", "eth0"] });
  hold.send();
  await session.ask({ op: "wait", on: ["web", "eth0"], until: `backlog>=${HELD}` });
  assertEquals(await session.end(), [0, ""]);
  await hold.isOver();
});

for (const way of ["the end of its input", "SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"] as const) {
  Deno.test(`a session that ends by ${way} lets go what it holds and takes away what it has made`, async () => {
    await rounds(async () => {
      using hold = new HoldCase();
      await using session = new Conversation(hold.left, "--max-hold", "1h");
      await session.ask(GATE);
      await session.ask({ op: "attach", dev: "eth0", limitBytes: 1 << 24 });
      await session.ask({ op: "buffer", on: ["web", "eth0"] });
      await session.send({ op: "hold", on: "web", forMs: 600_000 });
      await session.send({ op: "wait", on: "web", until: "drops>0", timeoutMs: 600_000 });
      hold.send();
      await session.ask({ op: "wait", on: ["web", "eth0"], until: `backlog>=${HELD}` });
      if (way === "the end of its input") assertEquals(await session.end(), [0, ""]);
      else session.child.kill(way);
      await hold.isOver();
      const { code, signal } = await session.child.status;
      const expected = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 };
      if (way in expected) assertEquals([code, signal], [expected[way as "SIGTERM"], null]);
    });
  });
}

Deno.test("a session whose guardian is killed lets go, says so and ends", async () => {
  using hold = new HoldCase();
  await using session = new Conversation(hold.left);
  await session.ask(GATE);
  await session.ask({ op: "buffer", on: "web" });
  hold.send();
  await until(() => plugOf(hold.left, "plug-web").qlen === HELD, { ...WAIT, what: "all to be held" });
  Deno.kill(await onlyGuardian(), "SIGKILL");
  await session.hear(({ why }) => why === "guardian-ended", "the end of the guardian");
  const { code } = await session.child.status;
  assertEquals(code, 1);
  assertMatch(await new Response(session.child.stderr).text(), /^plugctl: cannot go on: the guardian has ended/);
  await hold.isOver();
});

/** The test of the client for Go, compiled: `deno task test:go` makes it. */
const GO_TEST = Deno.env.get("PLUGCTL_GO_TEST");

/** How a client's test is run: the client and the test, which are copied, and the words that run it. */
interface Client {
  files: readonly string[];
  command: readonly string[];
}

const CLIENTS: Readonly<Record<string, Client>> = {
  Python: {
    files: ["python/plugctl.py", "python/test_slow_answer.py"],
    command: ["pytest", "-q", "-p", "no:cacheprovider", "test_slow_answer.py"],
  },
  Node: { files: ["node/plugctl.mjs", "node/slow_answer.test.mjs"], command: ["node", "slow_answer.test.mjs"] },
  bash: {
    files: ["shell/plugctl.bash", "shell/test_slow_answer.bash"],
    command: ["bash", "./test_slow_answer.bash"],
  },
  ...GO_TEST === undefined ? {} : { Go: { files: [], command: [GO_TEST, "-test.v"] } },
};

/** Runs a test that has a copy of a client beside it, on a host, with a `plugctl` that is this one. */
function runClient(host: Host, { files, command }: Client, { holdSeconds = 0.3 } = {}): Deno.ChildProcess {
  const folder = Deno.makeTempDirSync({ prefix: "plugctl-client-" });
  for (const file of files) {
    Deno.copyFileSync(`${import.meta.dirname}/../../clients/${file}`, `${folder}/${file.split("/")[1]}`);
  }
  const words = PLUGCTL.map((word) => `'${word}'`).join(" ");
  Deno.mkdirSync(`${folder}/bin`);
  Deno.writeTextFileSync(`${folder}/bin/plugctl`, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  const PATH = `${folder}/bin:${Deno.env.get("PATH")}`;
  const env = { PATH, PYTHONDONTWRITEBYTECODE: "1", HOLD_SECONDS: `${holdSeconds}` };
  return host.spawn([...command], { cwd: folder, env, stdin: "null", stdout: "piped" });
}

/** Whether a gate's device on a host holds something. */
function holdsAtAGate(host: Host): boolean {
  const devices: { dev: string; qlen: number }[] = JSON.parse(host.run("tc", "-s", "-json", "qdisc", "show"));
  return devices.some(({ dev, qlen }) => dev.startsWith("plug-") && qlen > 0);
}

for (const [language, client] of Object.entries(CLIENTS)) {
  Deno.test(`the client for ${language} holds a server's answer in a test`, async () => {
    using hold = new HoldCase();
    const { code, stdout } = await runClient(hold.left, client).output();
    assertEquals(code, 0, new TextDecoder().decode(stdout));
    await hold.isOver();
  });

  Deno.test(`the client for ${language} that is killed in the middle leaves a machine that passes traffic`, async () => {
    await rounds(async () => {
      using hold = new HoldCase();
      const child = runClient(hold.left, client, { holdSeconds: 600 });
      await until(() => holdsAtAGate(hold.left), { ...WAIT, what: "an answer that waits" });
      child.kill("SIGKILL");
      await child.output();
      return await hold.isOver();
    });
  });
}
