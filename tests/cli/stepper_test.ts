import { assertEquals, assertThrows } from "@std/assert";
import { findHost } from "../../cli/commands/shell.ts";
import { UsageError } from "../../cli/exit_status.ts";
import { stopLines } from "../../cli/run/stepper.ts";
import type { Sight } from "../../scenario/run/stops.ts";
import { runHere } from "./run_here.ts";

const STATS = { packets: 12, bytes: 1000, drops: 0, overlimits: 0, requeues: 0, backlogBytes: 120, backlogPackets: 12 };
const SIGHT: Sight = {
  queues: [
    {
      name: "web",
      kind: "gate",
      host: "client",
      heldMs: 3210,
      stats: STATS,
      packets: Array.from({ length: 12 }, (_, index) => ({
        number: index + 1,
        waitedMs: 1000 - index,
        from: "10.0.0.1:4000",
        to: "10.0.0.2:80",
        what: "TCP SYN 1234567890:1234567890(0) win 64240, and much more of it",
      })),
    },
    { name: "up", kind: "plug", stats: { ...STATS, backlogPackets: 1 } },
    { name: "gone", kind: "gate" },
  ],
  processes: [
    { name: "server", host: "client", pid: 12, last: "\x1b[31mred" },
    { name: "load", pid: 13, ended: "load ended with exit status 0" },
  ],
};

Deno.test("a stop is shown in lines that a terminal of 80 columns has room for", () => {
  const lines = stopLines(
    { why: "break", maxHoldMs: 30_000, step: { path: "3[2].1", line: 14, host: "client", text: "release web" } },
    SIGHT,
    { columns: 80, hasColours: false },
  );
  assertEquals([...lines.slice(0, 4), "…", ...lines.slice(-6)], [
    "── break before step 3[2].1 (line 14) ──────────────────────────────────────────",
    "   client: release web",
    "   gate web   client  holds 3.2 s  12 packets waiting  12 sent, 0 dropped",
    "     1   1.0 s   10.0.0.1:4000 > 10.0.0.2:80  TCP SYN 1234567890:1234567890(0)…",
    "…",
    "     and 2 more",
    "   plug up            passes       1 packet waiting    12 sent, 0 dropped",
    "   gate gone          is gone",
    "   held until 30 s after you go on at the most, or until plugctl is killed",
    "   process server  client  runs, 12                       | �[31mred",
    "   process load            load ended with exit status 0",
  ]);
  assertEquals(lines.every((line) => line.length <= 80), true);
});

Deno.test("a stop at the end says what has failed, or that all is done", () => {
  const empty = { queues: [], processes: [] };
  const layout = { columns: 60, hasColours: false };
  const failure = { step: "2", sentence: "exit 4 ended with exit status 4" };
  assertEquals(stopLines({ why: "end", maxHoldMs: 1, failure }, empty, layout), [
    "── failed in step 2; nothing is undone yet ─────────────────",
    "   exit 4 ended with exit status 4",
    "   no gate and no plug is there",
  ]);
  assertEquals(stopLines({ why: "end", maxHoldMs: 1 }, empty, layout), [
    "── all steps are done; nothing is undone yet ───────────────",
    "   no gate and no plug is there",
  ]);
});

Deno.test("run --step, and break: in a file, say what they take, and touch nothing", async () => {
  const folder = await Deno.makeTempDir();
  const [plain, broken] = [`${folder}/plain.yaml`, `${folder}/broken.yaml`];
  await Deno.writeTextFile(plain, "name: x\nsteps:\n  - run: touch plain\n");
  await Deno.writeTextFile(
    broken,
    'name: x\nvars: { look: true }\nsteps:\n  - run: touch broken\n    break: "${look}"\n',
  );
  const said = async (...words: string[]) => {
    const { status, stderr } = await runHere("run", ...words);
    return [status, stderr.replaceAll(folder, "")];
  };
  const asks = "it shows what there is, and asks what to do";
  const takes = "takes a terminal, on which it shows what there is, and asks what to do";
  assertEquals(await said("--step", plain), [2, `plugctl: --step ${takes}\n`]);
  assertEquals(await said("--step", "--json", plain), [2, `plugctl: --step is not for --json: ${asks}\n`]);
  assertEquals(await said("--step", "--uml", plain), [2, `plugctl: --step is not for --uml: ${asks}\n`]);
  assertEquals(await said("--step", "--dry-run", plain), [2, `plugctl: --step is not for --dry-run: ${asks}\n`]);
  assertEquals(await said("--step", plain, broken), [
    2,
    "plugctl: --step is for one scenario at a time: there are 2\n",
  ]);
  assertEquals(await said(broken), [2, `plugctl: /broken.yaml:4: break: true ${takes}\n`]);
  const inCleanup = `${folder}/cleanup.yaml`;
  Deno.writeTextFileSync(inCleanup, "name: x\nsteps: [log: x]\ncleanup:\n  - log: x\n    break: true\n");
  assertEquals(await said(inCleanup), [2, `plugctl: /cleanup.yaml:4: break: true ${takes}\n`]);
  Deno.removeSync(inCleanup);
  assertEquals((await said("--dry-run", broken))[0], 0);
  assertEquals((await said("--set", "look=false", broken))[0], 0);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["broken", "broken.yaml", "plain.yaml"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("shell finds a host of a scenario that runs, and says which there are where it does not", () => {
  const names = ["plugctl-0a1b2c-client", "plugctl-0a1b2c-server", "plugctl-ffffff-server", "b"];
  assertEquals([findHost("client", names), findHost("b", names)], ["plugctl-0a1b2c-client", "b"]);
  assertThrows(
    () => findHost("server", names),
    UsageError,
    '2 scenarios that run have a host "server"; name one: plugctl-0a1b2c-server, plugctl-ffffff-server',
  );
  assertEquals(findHost("plugctl-ffffff-server", names), "plugctl-ffffff-server");
  assertThrows(
    () => findHost("router", names),
    UsageError,
    'there is no host "router": those of the scenarios that run are client, server',
  );
  assertThrows(
    () => findHost("router", ["b"]),
    UsageError,
    'there is no host "router": no scenario with hosts runs now',
  );
});

Deno.test("shell takes a host", async () => {
  const { status, stderr } = await runHere("shell");
  assertEquals([status, stderr], [2, "plugctl: shell needs HOST; see: plugctl shell --help\n"]);
});
