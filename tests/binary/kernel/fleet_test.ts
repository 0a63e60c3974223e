/** The binary as an agent, and as what asks it: a bundle must load what speaks to the broker. */

import { assertEquals, assertMatch } from "@std/assert";
import { Host } from "../../kernel/host.ts";
import { until } from "../../kernel/until.ts";
import { BINARY, run } from "../binary.ts";

const BOUND = { timeoutMs: 60_000 };

Deno.test("the binary answers for a host of a fleet, and holds there when the binary asks", async () => {
  using host = new Host();
  host.configure(["link add d0 type dummy", "addr add 10.9.0.1/24 dev d0", "link set d0 up"]);
  const folder = await Deno.makeTempDir({ prefix: "plugctl-fleet-" });
  const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
  const broker = host.spawn(["nats-server", "-a", "127.0.0.1"], quiet);
  const words = ["agent", "--nats", "nats://127.0.0.1", "--name", "one", "--state", folder];
  const agent = host.spawn([BINARY, ...words], { ...quiet, stderr: "inherit" });
  const ask = async (...words: string[]) => {
    const there = ["netns", "exec", host.name, BINARY, ...words, "--nats", "nats://127.0.0.1"];
    return await run(there, { program: "ip" });
  };
  await until(async () => (await ask("fleet", "list")).status === 0, { ...BOUND, what: "the agent" });
  const hold = ["--on", "one", "--match", "udp dst port 9", "--at", "+3s", "--for", "300ms", "--max-skew", "1s"];
  const { status, stderr } = await ask("fleet", "hold", "d0", ...hold);
  assertMatch(
    stderr,
    /^plugctl: one: armed, packets pass\nplugctl: one: holding, .* after the moment\nplugctl: one: released: /,
  );
  assertEquals(status, 0);
  for (const child of [agent, broker]) child.kill("SIGTERM");
  await Promise.all([agent.status, broker.status]);
  assertEquals(host.run("tc", "qdisc", "show", "dev", "d0").includes("plug"), false);
  await Deno.remove(folder, { recursive: true });
});
