// What it costs a gate's packets, and who looks at them, that they are captured. Runs on a kernel that it may spoil, and
// prints a line for each round: `way|µs a packet of the traffic|µs a packet of who looks|packets that were not seen`.
import { readLines } from "../../linux/incoming.ts";
import { GatePair } from "../../tests/kernel/gate_pair.ts";
import { arrivedNumbers } from "../../tests/kernel/numbered.ts";
import { PLUGCTL, plugctlDone } from "../../tests/kernel/plugctl.ts";
import { UdpSocket } from "../../tests/kernel/udp_socket.ts";
import { until } from "../../tests/kernel/until.ts";

const COUNT = Number(Deno.args[0]);
const ROUNDS = Number(Deno.args[1]);
const TO = { address: "10.0.0.2", port: 9000 };
/** Of `/proc/PID/stat` behind the name: utime and stime, in hundredths of a second. */
const USER_TIME_AT = 11;
const TICK_US = 10_000;
/** What one that waits takes of the processor in half a second, at the most, in milliseconds. */
const IDLE_MS = 40;
const WAIT = { timeoutMs: 120_000 };
/** Of what one call sends. */
const AT_ONCE = 100;
const PAYLOAD_BYTES = 100;
const DATA = new Uint8Array(AT_ONCE * PAYLOAD_BYTES);

/** Who looks: the line by which one says that it does, and the command; nothing where nobody does. */
interface Way {
  name: string;
  gate: boolean;
  command?: readonly string[];
  says?: RegExp;
  /** How many packets were not seen, as what it says at its end has it. */
  unseen?: (said: string) => number;
}

const folder = await Deno.makeTempDir({ prefix: "plugctl-bench-" });
const DUMP = [
  "tcpdump",
  "-Z",
  "root",
  "-i",
  "eth0",
  "-s",
  "256",
  "-w",
  `${folder}/dump.pcap`,
  "udp",
  "dst",
  "port",
  "9000",
];
const tcpdump = {
  command: DUMP,
  says: /listening on/,
  unseen: (said: string) => Number(/(\d+) packets dropped by kernel/.exec(said)?.[1] ?? 0),
};
const capture = (...words: string[]) => ({
  command: [...PLUGCTL, "capture", "web", "-w", `${folder}/web.pcapng`, ...words],
  says: /capturing gate/,
  unseen: (said: string) => Number(/(\d+) packets? left that the capture/.exec(said)?.[1] ?? 0),
});
const WAYS: Way[] = [
  { name: "no gate, nobody looks", gate: false },
  { name: "no gate, tcpdump -w", gate: false, ...tcpdump },
  { name: "a gate, nobody looks", gate: true },
  { name: "a gate, tcpdump -w", gate: true, ...tcpdump },
  { name: "a gate, plugctl capture -w", gate: true, ...capture() },
];

using pair = new GatePair();
using sender = new UdpSocket(pair.left, { address: "10.0.0.1", port: 0 });
using receiver = new UdpSocket(pair.right, TO);
// All ways in turns, so that what else the machine does meets all alike; the first round warms up
for (let round = 0; round <= ROUNDS; round++) {
  for (const way of WAYS) {
    const figures = await measure(way);
    if (round > 0) console.log([way.name, ...figures.map((figure) => figure.toFixed(3))].join("|"));
  }
}
await Deno.remove(folder, { recursive: true });

async function measure(
  { gate, command, says, unseen }: Way,
): Promise<[traffic: number, looking: number, unseen: number]> {
  if (gate) {
    await plugctlDone(pair.left, "gate", "add", "web", "eth0", "--direction", "out", "--match", "udp dst port 9000");
  }
  const child = command &&
    pair.left.spawn([...command], { stdin: "null", stdout: "null", stderr: "piped" });
  const said = child && readLines(child.stderr);
  if (said && says) {
    const complaints: string[] = [];
    for (let line = await said.next(); !says.test(line.value ?? ""); line = await said.next()) {
      if (line.done) throw new Error(`${command?.[0]} has ended: ${complaints.join(" ")}`);
      complaints.push(line.value);
    }
  }
  const before = child ? processorMs(child.pid) : 0;
  const since = performance.now();
  for (let sent = 0; sent < COUNT; sent += AT_ONCE) sender.sendAtOnce(DATA, TO, { payloadBytes: PAYLOAD_BYTES });
  const traffic = (performance.now() - since) * 1000 / COUNT;
  let arrived = 0;
  await until(() => (arrived += arrivedNumbers(receiver).length) >= COUNT, { ...WAIT, what: "all datagrams" });
  let last = "";
  let looking = 0;
  if (child && said) {
    // It is done when it takes no more of the processor than one that waits
    looking = await settled(() => processorMs(child.pid)) - before;
    child.kill("SIGINT");
    for await (const line of said) last += `${line}\n`;
    await child.status;
  }
  if (gate) await plugctlDone(pair.left, "gate", "delete", "web");
  return [traffic, looking * 1000 / COUNT, unseen?.(last) ?? 0];
}

/** How much of the processor a process has taken, in milliseconds. */
function processorMs(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[USER_TIME_AT]) + Number(fields[USER_TIME_AT + 1])) * TICK_US / 1000;
}

async function settled(read: () => number): Promise<number> {
  for (let last = -IDLE_MS;;) {
    const now = read();
    if (now - last < IDLE_MS) return last;
    last = now;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
