/** What one work costs a peer: the median of its processes, and how far they lie apart. */
export interface Figure {
  median: number;
  least: number;
  most: number;
}

/** Figures by work, of one peer. */
export type Figures = Map<string, Figure>;

/** How many processes of each peer are run; the median of them counts. */
export const PROCESSES = 5;

/** A peer, and a command that prints lines of a work and a number. A peer may have several. */
export type Peer = readonly [name: string, command: readonly string[]];

/** What all peers' processes printed, and why some did not. */
export interface Runs {
  figures: Map<string, Figures>;
  /** Names with the reason. */
  failures: string[];
}

/**
 * Runs each peer's command several times, all of them in turns, so that what else the machine does meets all alike,
 * and takes the median of each work.
 */
export async function runPeers(peers: readonly Peer[]): Promise<Runs> {
  const numbers = new Map<string, Map<string, number[]>>();
  const failures = new Map<string, string>();
  for (let run = 0; run < PROCESSES; run++) {
    for (const [name, command] of peers.filter(([name]) => !failures.has(name))) {
      const works = numbers.get(name) ?? new Map<string, number[]>();
      try {
        for (const [work, number] of await runOnce(command)) works.set(work, [...works.get(work) ?? [], number]);
        numbers.set(name, works);
      } catch (error) {
        failures.set(name, `${name} (${String(error).split("\n")[0].slice(0, 120)})`);
      }
    }
  }
  const figures = [...numbers].map(([name, works]) => [name, figuresOf(works)] as const);
  return { figures: new Map(figures), failures: [...failures.values()] };
}

function figuresOf(works: ReadonlyMap<string, readonly number[]>): Figures {
  return new Map([...works].map(([work, list]) => [work, figure(list)]));
}

function figure(numbers: readonly number[]): Figure {
  const sorted = numbers.toSorted((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], least: sorted[0], most: sorted[sorted.length - 1] };
}

async function runOnce([program, ...args]: readonly string[]): Promise<[work: string, number: number][]> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed: ${decoder.decode(stderr)}`);
  const lines = decoder.decode(stdout).trim().split("\n").map((line) => line.split(/\s+/));
  return lines.map(([work, number]) => [work, Number(number)]);
}

/** Compiles a C program. Returns why that is not possible, where it is not. */
export async function compile(source: URL, target: string, flags: readonly string[] = []): Promise<string | undefined> {
  const args = ["-O2", "-Wall", "-o", target, source.pathname, ...flags];
  try {
    const { success, stderr } = await new Deno.Command("cc", { args }).output();
    return success ? undefined : new TextDecoder().decode(stderr).split("\n")[0];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no C compiler";
    throw error;
  }
}

/** What a command prints, or `undefined` where it cannot be run. */
export async function printed(...[program, ...args]: string[]): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command(program, { args }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** What one process took, from its start to its end. */
export interface Run {
  wallMs: number;
  cpuMs: number;
  memoryKiB: number;
}

/** The runs of each process, by its name, from what measure.py printed. */
export function parseRuns(printed: string): Map<string, Run[]> {
  const runs = new Map<string, Run[]>();
  for (const line of printed.split("\n")) {
    const [name, ...numbers] = line.split("\t");
    if (numbers.length !== 3) continue;
    const [wallMs, cpuMs, memoryKiB] = numbers.map(Number);
    runs.set(name, [...runs.get(name) ?? [], { wallMs, cpuMs, memoryKiB }]);
  }
  return runs;
}

/** The one in the middle. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
