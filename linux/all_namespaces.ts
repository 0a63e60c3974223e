import { EACCES, EINVAL, ENOENT, EPERM, ESRCH } from "./errno.ts";
import { NAMED, namespaceIdentity } from "./namespace.ts";
import { NetlinkError } from "./netlink_error.ts";

const REASONS: Readonly<Record<number, "hidden" | "stray" | "gone">> = {
  [EACCES]: "hidden",
  [EPERM]: "hidden",
  [EINVAL]: "stray",
  [ENOENT]: "gone",
  [ESRCH]: "gone",
};

/** The network namespaces of a machine. */
export interface AllNamespaces {
  /** By their names of `ip netns`, or else as `pid:N`, a process that is in it: the first of them, or this one. */
  names: string[];
  /** Names whose file is no namespace. */
  strays: string[];
  /** How many names and processes this process may not look at. */
  hidden: number;
}

/**
 * Finds the network namespaces that have a name of `ip netns` or a process in them. One that only a file descriptor or a
 * mount elsewhere keeps is not found. Takes permission to look into `/proc`.
 */
export function allNamespaces(): AllNamespaces {
  const found = new Map<string, string>();
  const all: AllNamespaces = { names: [], strays: [], hidden: 0 };
  for (const name of [...namedNamespaces(), `pid:${Deno.pid}`, ...processes()]) {
    const identity = identify(name);
    if (identity === "hidden") all.hidden++;
    else if (identity === "stray") all.strays.push(name);
    else if (identity !== "gone") found.set(identity, found.get(identity) ?? name);
  }
  return { ...all, names: [...found.values()] };
}

function namedNamespaces(): string[] {
  try {
    return Array.from(Deno.readDirSync(NAMED), ({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function processes(): string[] {
  const pids = Array.from(Deno.readDirSync("/proc"), ({ name }) => Number(name)).filter((pid) => pid > 0);
  return pids.sort((one, other) => one - other).map((pid) => `pid:${pid}`);
}

/** What tells a namespace from others, or why there is none to be seen. */
function identify(name: string): string {
  try {
    return namespaceIdentity(name);
  } catch (error) {
    if (error instanceof NetlinkError && error.errno in REASONS) return REASONS[error.errno];
    throw error;
  }
}
