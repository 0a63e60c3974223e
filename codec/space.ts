/** An attribute space: the prefix of its names, and the names by number. */
export interface Space {
  prefix: string;
  names: readonly string[];
}

/** A space from its names in the order of their numbers, spaces between them. */
export function space(prefix: string, names: string): Space {
  return { prefix, names: names.trim().split(/\s+/) };
}
