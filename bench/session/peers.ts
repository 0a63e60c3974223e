// Has each peer hold and let go by turns, on a kernel with plug: prints "peer|work|nanoseconds a change" a line.
import { readLines } from "../../linux/incoming.ts";
import { median, printed } from "../processes.ts";

const here = (name: string) => new URL(name, import.meta.url).pathname;
const PLUGCTL = [Deno.execPath(), "run", "-A", "--no-check", here("../../cli/main.ts")];
/** Plugs that are changed one after the other: first all of them hold, then all let go. */
const DEVICES = Array.from({ length: 64 }, (_, number) => `d${number}`);
/** A file that `tc -batch` has the memory for in User-Mode Linux, and a long one. */
const ROUNDS = { batch: 400, longBatch: 1600, session: 25 };
const RUNS = 3;
const CHANGES_PER_ROUND = DEVICES.length * 2;

function show(peer: string, work: string, nanoseconds: number): void {
  console.log(`${peer}|${work}|${nanoseconds.toFixed(0)}`);
}

async function run(...[program, ...args]: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdout: "null" }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr).slice(-500)}`);
}

/** What changes take by a file of commands, without what the program takes to start and end: the median of some runs. */
async function timeBatch(
  peer: string,
  { command, lineOf, rounds = ROUNDS.batch }: {
    command: readonly string[];
    lineOf: (dev: string, holds: boolean) => string;
    rounds?: number;
  },
): Promise<void> {
  const round = [true, false].flatMap((holds) => DEVICES.map((dev) => `${lineOf(dev, holds)}\n`)).join("");
  const [all, none] = [await Deno.makeTempFile(), await Deno.makeTempFile()];
  await Deno.writeTextFile(all, round.repeat(rounds));
  await Deno.writeTextFile(none, [true, false].map((holds) => `${lineOf(DEVICES[0], holds)}\n`).join(""));
  const times: number[] = [];
  for (let runs = 0; runs < RUNS; runs++) {
    const [whole, start] = [await timeOf([...command, all]), await timeOf([...command, none])];
    times.push((whole - start) * 1e6 / (CHANGES_PER_ROUND * rounds));
  }
  show(peer, `a file of ${(CHANGES_PER_ROUND * rounds).toLocaleString("en")} commands`, median(times));
}

async function timeOf(command: readonly string[]): Promise<number> {
  const from = performance.now();
  await run(...command);
  return performance.now() - from;
}

/** A session as another program has it: each line is answered before the next is written. */
async function timeSession(work: string, linesOf: (op: object) => string[]): Promise<void> {
  const [program, ...args] = [...PLUGCTL, "session"];
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped" }).spawn();
  const input = child.stdin.getWriter();
  const heard = readLines(child.stdout)[Symbol.asyncIterator]();
  await heard.next();
  const lines = [{ op: "buffer" }, { op: "release", count: false }].flatMap(linesOf)
    .map((line) => new TextEncoder().encode(`${line}\n`));
  const times: number[] = [];
  for (let runs = 0; runs < RUNS; runs++) {
    const from = performance.now();
    for (let round = 0; round < ROUNDS.session; round++) {
      for (const line of lines) {
        await input.write(line);
        const { value } = await heard.next();
        if (value.includes('"error"')) throw new Error(value);
      }
    }
    times.push((performance.now() - from) * 1e6 / (CHANGES_PER_ROUND * ROUNDS.session));
  }
  await input.close();
  await child.status;
  show("plugctl session", work, median(times));
}

for (const dev of [...DEVICES, "own"]) await run("ip", "link", "add", dev, "type", "dummy");
const own = new Map(
  (await printed(...[Deno.execPath(), "run", "-A", "--no-check", here("own.ts"), "own"] as [string, ...string[]]))
    ?.split("\n").map((line) => line.split(" ")).map(([work, number]) => [work, Number(number)] as const),
);
show("the kernel's part", "one change, by Connection", own.get("kernel") ?? NaN);
show("plugctl session", "the same, without its pipes", own.get("session") ?? NaN);
for (const dev of DEVICES) await run("tc", "qdisc", "add", "dev", dev, "root", "handle", "504c:", "plug");
await timeBatch("tc -batch", {
  command: ["tc", "-batch"],
  lineOf: (dev, holds) => `qdisc change dev ${dev} root handle 504c: plug ${holds ? "block" : "release_indefinite"}`,
});
for (const rounds of [ROUNDS.batch, ROUNDS.longBatch]) {
  await timeBatch("plugctl batch", {
    command: [...PLUGCTL, "batch"],
    lineOf: (dev, holds) => holds ? `buffer ${dev} --force` : `release ${dev}`,
    rounds,
  });
}
await timeSession("a request a line", (op) => DEVICES.map((on, id) => JSON.stringify({ id, ...op, on })));
await timeSession("64 requests a line", (op) => [JSON.stringify(DEVICES.map((on, id) => ({ id, ...op, on })))]);
const pyroute2 = await printed("/usr/bin/python3", here("pyroute2_peer.py"), ...DEVICES);
if (pyroute2 === undefined) console.log("pyroute2|skipped|it cannot be run");
else show("pyroute2", "one at a time", Number(pyroute2));
