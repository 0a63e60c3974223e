/** Scenarios that a server is asked to run, and what the owner of a machine does not let askers do. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { WAIT, witness } from "./gate_pair.ts";
import { type Body, eventsOf, Served } from "./served.ts";
import { processTable } from "./process_table.ts";
import { until } from "./until.ts";

/** Two hosts and a gate, by which ten packets are held that the other host has sent. */
const SCENARIO = `name: Held for a while
hosts:
  one: { devices: { eth0: { to: two, address: 10.9.0.1/24 } } }
  two: { devices: { eth0: { to: one, address: 10.9.0.2/24 } } }
gates: { pings: { host: one, dev: eth0, direction: out, match: udp dst port 9000 } }
vars: { count: 3, port: 9000 }
steps:
  - buffer: pings
  - run: python3 -c "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b'x', ('10.9.0.2', \${port})) for _ in range(\${count})]"
    host: one
  - wait: { gate: pings, backlog: "\${count}" }
  - release: pings
`;
const ENDLESS = SCENARIO.replace(/ {2}- release: pings\n/, "  - sleep: 10m\n");

interface RunBody extends Body {
  outcome?: string;
  sentence?: string;
  status?: number;
  report: string;
  packets: string;
  allowed: boolean;
  runs: RunBody[];
}

async function askRun(served: Served, ...asked: Parameters<Served["ask"]>): Promise<{ status: number; body: RunBody }> {
  const { status, body } = await served.ask(...asked);
  return { status, body: body as RunBody };
}

Deno.test("a server runs a scenario, tells its events, and has its report and its packets", async () => {
  await using served = await Served.start("--allow-run", "--max-hold", "60s");
  await served.nextLine();
  const begun = await askRun(served, "/v1/runs", { scenario: SCENARIO, set: { count: 4 }, seed: 7, capture: true });
  assertEquals([begun.status, begun.body.name, begun.body.outcome], [201, "Held for a while", undefined]);
  const { id } = begun.body;
  const steps: unknown[] = [];
  let ended: Record<string, unknown> | undefined;
  for await (const [event, data] of eventsOf(await served.fetch(`/v1/runs/${id}/events`))) {
    if (event === "ended") ended = data;
    else if (data.event === "step-end") steps.push(data.outcome);
  }
  assert(steps.length >= 4 && steps.every((outcome) => outcome === "done"), JSON.stringify(ended));
  const { body: run } = await askRun(served, `/v1/runs/${id}`);
  assertEquals(ended, run as unknown as Record<string, unknown>);
  assertEquals([run.outcome, run.status, run.sentence], ["done", 0, undefined]);
  const again = eventsOf(await served.fetch(`/v1/runs/${id}/events`));
  assertEquals(
    (await again.next()).value?.[1].event,
    "scenario-start",
    "whoever comes later is told from the first on",
  );
  await again.return(undefined);

  const report = await served.fetch(run.report);
  assertMatch(report.headers.get("content-security-policy") ?? "", /default-src 'none'.*sandbox allow-scripts/);
  assertMatch(await report.text(), /<title>[^<]*Held for a while/);
  const packets = new Uint8Array(await (await served.fetch(run.packets)).arrayBuffer());
  assertEquals(new DataView(packets.buffer).getUint32(0, true), 0x0a0d0d0a, "a block of pcapng");
  const other = await served.ask(`/v1/runs/${id}/report?key=${id}`);
  assertEquals([other.status, other.body.code], [404, "no-run"]);
  assertEquals(witness(served.pair.left), served.before);
});

Deno.test("a run is ended by hand, and with the server, and leaves nothing", async () => {
  await using served = await Served.start("--allow-run");
  await served.nextLine();
  const { body: first } = await askRun(served, "/v1/runs", { scenario: ENDLESS });
  const events = eventsOf(await served.fetch(`/v1/runs/${first.id}/events`));
  for await (const [, { event, text }] of events) if (event === "step-start" && /^sleep/.test(String(text))) break;
  const { status, body: ended } = await askRun(served, `/v1/runs/${first.id}`, undefined, "DELETE");
  assertEquals([status, ended.outcome, ended.status], [200, "aborted", 143]);

  const { body: second } = await askRun(served, "/v1/runs", { scenario: ENDLESS });
  const others = eventsOf(await served.fetch(`/v1/runs/${second.id}/events`));
  for await (const [, { event, text }] of others) if (event === "step-start" && /^sleep/.test(String(text))) break;
  served.process.kill("SIGTERM");
  assertEquals((await served.process.status).code, 143);
  await until(() => witness(served.pair.left) === served.before, { ...WAIT, what: "the machine as it was" });
});

Deno.test("a run ends with a server that is killed, long before the most that it may hold", async () => {
  const processes = processTable().join();
  const namespaces = () => Array.from(Deno.readDirSync("/run/netns"), ({ name }) => name).sort().join();
  await using served = await Served.start("--allow-run", "--max-hold", "10m");
  const own = namespaces();
  await served.nextLine();
  const { body: { id } } = await askRun(served, "/v1/runs", { scenario: ENDLESS });
  const events = eventsOf(await served.fetch(`/v1/runs/${id}/events`));
  for await (const [, { event, text }] of events) if (event === "step-start" && /^sleep/.test(String(text))) break;
  assert(namespaces() !== own, "the hosts of the run are there");
  served.process.kill("SIGKILL");
  await served.process.status;
  await until(() => namespaces() === own && processTable().join() === processes, {
    ...WAIT,
    what: "no process and no namespace of the run",
  });
  assertEquals(witness(served.pair.left), served.before);
});

Deno.test("a scenario that is wrong is told with its places, and nobody runs one where that is not allowed", async () => {
  await using served = await Served.start("--allow-run");
  await served.nextLine();
  const wrong = await askRun(served, "/v1/runs", { scenario: SCENARIO.replace("buffer:", "bufer:") });
  assertEquals([wrong.status, wrong.body.code], [400, "invalid"]);
  assertMatch(wrong.body.detail, /^scenario\.yaml:8:5: .*did you mean "buffer"\?/);
  const unknown = await askRun(served, "/v1/runs", { scenario: SCENARIO, set: { cuont: 3 } });
  assertMatch(unknown.body.detail, /^there is no variable cuont to set/);
  const several = await askRun(served, "/v1/runs", {
    scenario: SCENARIO.replace("steps:", "matrix: [{ size: 1 }, { size: 2 }]\nsteps:"),
  });
  assertMatch(several.body.detail, /^the scenario has a matrix of 2 rows, of which one is run: set size/);
  assertEquals((await askRun(served, "/v1/runs")).body, { allowed: true, runs: [] } as unknown as RunBody);

  await using plain = await Served.start();
  const refused = await plain.ask("/v1/runs", { scenario: SCENARIO });
  assertEquals([refused.status, refused.body.code], [403, "forbidden"]);
  assertMatch(refused.body.detail, /start it with --allow-run/);
});

Deno.test("what the policy of a machine forbids is refused, and a release never is", async () => {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/policy.yaml`;
  await Deno.writeTextFile(file, "devices: [eth*]\nmatches: [udp dst port *]\nmax-hold: 2s\n", { mode: 0o644 });
  await using served = await Served.start("--allow-run", "--policy", file);
  assertEquals(await served.nextLine(), `plugctl: what may be held is limited by ${file}`);
  await served.nextLine();
  const gate = { name: "web", dev: "eth0", direction: "out", match: "udp dst port 9000" };
  const refusals: [path: string, body: unknown, why: RegExp][] = [
    ["/v1/plugs", { dev: "lo" }, /lo may not be held, only "eth\*"$/],
    ["/v1/gates", { ...gate, dev: ["eth0", "lo"] }, /lo may not be held/],
    ["/v1/gates", { ...gate, match: "tcp" }, /gates may not match "tcp", only "udp dst port \*"$/],
    ["/v1/gates", { ...gate, match: undefined }, /must match one of "udp dst port \*", and this is every packet$/],
    ["/v1/runs", { scenario: SCENARIO }, /no scenario may be run/],
  ];
  for (const [path, body, why] of refusals) {
    const answer = await served.ask(path, body);
    assertEquals([answer.status, answer.body.code], [403, "policy"], path);
    assertMatch(answer.body.detail, why);
  }
  assertEquals(witness(served.pair.left), served.before);

  assertEquals((await served.ask("/v1/gates", gate)).status, 201);
  const long = await served.ask("/v1/buffer", { on: "web", maxMs: 3000 });
  assertMatch(long.body.detail, /nothing may be held for 3000 ms, up to 2000 ms may be$/);
  const [first] = (await served.ask("/v1/actions", [{ op: "buffer", on: "web", maxMs: 3000 }])).body as unknown as {
    error: { code: string };
  }[];
  assertEquals(first.error.code, "policy");
  // A lease that is longer is cut
  const hold = await served.ask("/v1/holds", { on: "web", leaseMs: 60_000 });
  assert(Date.parse(hold.body.until) - Date.now() <= 2000, hold.body.until);
  served.send();
  assertEquals((await served.ask("/v1/release", { on: "web" })).status, 200);
  await served.allArrived();

  await Deno.chmod(file, 0o666);
  await using open = new Served("--policy", file);
  assertEquals(await open.nextLine(), `plugctl: others can change the policy in ${file}: chmod go-w ${file}`);
  assertEquals((await open.process.status).code, 2);
  await Deno.remove(folder, { recursive: true });
});
