/** What one process took. */
export interface Figures {
  wallMs: number;
  cpuMs: number;
  memoryKiB: number;
}

/** The runs of each process, by its name, from what measure.py printed. */
export function parseRuns(printed: string): Map<string, Figures[]> {
  const runs = new Map<string, Figures[]>();
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
