/** What a number says in the kernel's words. */
export type Meaning = (value: number) => string | undefined;

/** A struct field: its name without the prefix, the kernel's name, and what its number says. */
export type FieldName = readonly [
  name: string,
  kernelName: string,
  meaning?: Meaning,
];

/** An attribute space: the prefix of its names, and the names by number. */
export interface Space {
  prefix: string;
  names: readonly string[];
}

/** A space from its names in the order of their numbers, spaces between them. */
export function space(prefix: string, names: string): Space {
  return { prefix, names: names.trim().split(/\s+/) };
}
