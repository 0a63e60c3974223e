// Compares how fast plugctl and tshark show a large capture of netlink, and what it costs to capture the packets of a gate,
// in turns, all in this run. Prints tables and writes them to bench/RESULTS.md.
import { median, parseRuns, printed, type Run } from "../processes.ts";
import { circumstances, table, writeSection } from "../results.ts";
import { writeSynthetic } from "./synthetic.ts";

const SIZE = Number(Deno.args[0] ?? 64) * 1e6;
const ROUNDS = Number(Deno.args[1] ?? 5);
/** How many packets go through a gate in a round. */
const PACKETS = 20_000;
const here = (name: string) => new URL(name, import.meta.url).pathname;
const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });

try {
  const file = `${folder}/netlink.pcap`;
  const count = await writeSynthetic(file, SIZE);
  const runs = await measure(file);
  const version = (await printed("tshark", "--version"))?.split("\n")[0];
  const lines = [
    ...await circumstances("deno task bench:capture"),
    "",
    `A capture of ${Math.round(SIZE / 1e6)} MB with ${
      count.toLocaleString("en")
    } messages, shown to /dev/null; medians of ` +
    `${ROUNDS} runs in turns. ${version ?? "tshark is not installed"}`,
    "",
    ...table([
      ["command", "s from start to end", "s on processors", "µs a message", "most memory, MiB", "to tshark"],
      ...rowsOf(runs, count),
    ]),
  ];
  lines.push("", ...await measurePackets());
  console.log(lines.join("\n"));
  await writeSection("Capture", lines);
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function measure(file: string): Promise<Map<string, Run[]>> {
  const decode = `${Deno.execPath()} run -A --no-check ${here("../../cli/main.ts")} decode --pcap ${file}`;
  const hasTshark = await printed("tshark", "--version") !== undefined;
  const commands = [
    ...hasTshark ? [`tshark -V\ttshark -V -r ${file}`] : [],
    ...["--all", "--all --brief", "", "--brief"].map((how) =>
      `decode --pcap ${how}`.trim() + `\t${`${decode} ${how}`.trim()}`
    ),
  ];
  const python = new Deno.Command("python3", {
    args: [here("../start/measure.py"), String(ROUNDS)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const output = python.output();
  const writer = python.stdin.getWriter();
  await writer.write(new TextEncoder().encode(commands.join("\n")));
  await writer.close();
  const { success, stdout } = await output;
  if (!success) throw new Error("A command failed");
  return parseRuns(new TextDecoder().decode(stdout));
}

function rowsOf(runs: ReadonlyMap<string, Run[]>, count: number): string[][] {
  const wall = (name: string) => median((runs.get(name) ?? []).map(({ wallMs }) => wallMs));
  const limit = wall("tshark -V");
  return [...runs].map(([name, figures]) => [
    name,
    (wall(name) / 1000).toFixed(2),
    (median(figures.map(({ cpuMs }) => cpuMs)) / 1000).toFixed(2),
    (wall(name) * 1000 / count).toFixed(2),
    Math.round(Math.max(...figures.map(({ memoryKiB }) => memoryKiB)) / 1024).toString(),
    limit ? `${(limit / wall(name)).toFixed(2)} times as fast` : "",
  ]);
}

/** What a captured gate costs, on a kernel that has one. */
async function measurePackets(): Promise<string[]> {
  const args = ["run", "-A", "--no-check"];
  const program = [Deno.execPath(), ...args, here("looked_at.ts"), String(PACKETS), String(ROUNDS)];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [...args, here("../in_plug_kernel.ts"), ...program],
    env: { PLUGCTL_KERNEL_TESTS: "1" },
    stderr: "inherit",
  }).output();
  const text = new TextDecoder().decode(stdout);
  if (!success) throw new Error(`bench/capture failed: ${text}`);
  const lines = text.split("\n").map((line) => line.split("|"));
  const place = lines.find(([name]) => name === "place")?.[1];
  const ways = Map.groupBy(lines.filter(({ length }) => length === 4), ([name]) => name);
  const rows = [...ways].map(([name, rounds]) => {
    const column = (index: number) => rounds.map((cells) => Number(cells[index])).toSorted((one, other) => one - other);
    const spread = (values: number[]) =>
      `${median(values).toFixed(1)} (${values[0].toFixed(1)} to ${values[values.length - 1].toFixed(1)})`;
    return [name, spread(column(1)), spread(column(2)), String(median(column(3)))];
  });
  return [
    `Packets of a gate that is captured: ${
      PACKETS.toLocaleString("en")
    } datagrams of 100 bytes, 100 a system call, out of ` +
    `eth0; medians of ${ROUNDS} rounds in turns, with the least and the most, ${place}, which has one processor for all. ` +
    "The traffic's time is that of its sender, from the first to the last; who looks has its own, of the processor, until " +
    "it has written everything.",
    "",
    ...table([["who looks", "µs a packet of the traffic", "µs a packet of who looks", "not seen"], ...rows]),
  ];
}
