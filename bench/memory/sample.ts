// What a process has in memory and open, after everything that nobody uses any more was cleared away.
import v8 from "node:v8";

const MIB = 1 << 20;
/** How often the event loop turns before it is looked: the runtime frees some things only then, and not all at once. */
const TURNS = 50;

/** What is looked at: memory in MiB, the rest in pieces. */
export interface Sample {
  cycles: number;
  /** All that is in memory. */
  memory: number;
  /** What of it V8 keeps for what is new: it grows with how much is made, up to a bound. */
  young: number;
  /** What of it the program uses. */
  heap: number;
  descriptors: number;
  /** Processes that it has started, and that have not ended or are not cleared away. */
  children: number;
  /** The memory and the descriptors of the guardian that serves all cycles. */
  guardianMemory?: number;
  guardianDescriptors?: number;
}

/** Looks at this process; takes `--v8-flags=--expose-gc`. */
export async function takeSample(cycles: number, guardian: number | undefined): Promise<Sample> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setTimeout(resolve));
  const { gc } = globalThis as { gc?: () => void };
  if (!gc) throw new TypeError("Cannot measure without --v8-flags=--expose-gc");
  for (let times = 0; times < 3; times++) gc();
  const { rss, heapUsed } = Deno.memoryUsage();
  const spaces = v8.getHeapSpaceStatistics().filter(({ space_name }) => space_name.startsWith("new_"));
  return {
    cycles,
    memory: rss / MIB,
    young: spaces.reduce((sum, { space_size }) => sum + space_size, 0) / MIB,
    heap: heapUsed / MIB,
    descriptors: descriptorsOf("self"),
    children: childrenOf(Deno.pid),
    ...guardian === undefined
      ? {}
      : { guardianMemory: memoryOf(guardian), guardianDescriptors: descriptorsOf(String(guardian)) },
  };
}

function descriptorsOf(process: string): number {
  return Array.from(Deno.readDirSync(`/proc/${process}/fd`)).length;
}

function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]) / 1024;
}

function childrenOf(parent: number): number {
  return Array.from(Deno.readDirSync("/proc"), ({ name }) => Number(name))
    .filter((pid) => pid > 0 && parentOf(pid) === parent).length;
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}
