// What a process that works on plugs and gates again and again has in memory and open, on the lo device of a namespace of
// its own:  cycles.ts CYCLES  prints a line "sample|work|cycles|MiB|descriptors" at a tenth of each work, and at its end.
import { Gate, Plug } from "../../mod.ts";
import { inNewNamespace } from "../../linux/namespace.ts";
import { Connection } from "../../netlink/connection.ts";

const CYCLES = Number(Deno.args[0]);
const MIB = 1 << 20;

using connection = inNewNamespace(() => Connection.open());
const on = { dev: "lo", connection, force: true };

await measure("attach, buffer, release, detach", CYCLES, async () => {
  const plug = Plug.attach(on);
  plug.buffer({ force: true });
  plug.releaseIndefinite();
  await plug.detach();
});
await measure("gate add, buffer, release, delete", Math.ceil(CYCLES / 20), async () => {
  const gate = Gate.open({ ...on, name: "bench", direction: "egress", match: "tcp" });
  gate.buffer();
  gate.releaseIndefinite();
  await gate.close();
});
{
  await using plug = Plug.attach(on);
  await measure("hold, release", Math.ceil(CYCLES / 100), () => {
    using _hold = plug.hold({ maxMs: 1000 });
    // The guardian's process has gone; Deno closes what it knows it by when it next looks at events.
    return new Promise((resolve) => setTimeout(resolve));
  });
}

async function measure(work: string, cycles: number, cycle: () => Promise<void>): Promise<void> {
  for (let done = 1; done <= cycles; done++) {
    await cycle();
    if (done === Math.ceil(cycles / 10) || done === cycles) sample(work, done);
  }
}

function sample(work: string, cycles: number): void {
  const descriptors = Array.from(Deno.readDirSync("/proc/self/fd")).length;
  console.log(["sample", work, cycles, (Deno.memoryUsage().rss / MIB).toFixed(1), descriptors].join("|"));
}
