import type { Operation } from "../operation.ts";
import { ATTACH, DETACH_PLUG, GATE_ADD, GATE_DELETE, RECOVER } from "./attach.ts";
import { BUFFER, DISCARD, HOLD, LIMIT, RELEASE, RELEASE_ONE, RELEASE_PACED } from "./hold.ts";
import { ARM, BEGIN, END, HOLDS, RENEW } from "./lease.ts";
import { COUNTS, GATE_LIST, SHOW, WAIT } from "./show.ts";

const ALL = [
  ATTACH,
  DETACH_PLUG,
  GATE_ADD,
  GATE_DELETE,
  GATE_LIST,
  BUFFER,
  HOLD,
  ARM,
  BEGIN,
  RENEW,
  END,
  HOLDS,
  WAIT,
  COUNTS,
  RELEASE,
  RELEASE_ONE,
  RELEASE_PACED,
  DISCARD,
  LIMIT,
  SHOW,
  RECOVER,
];

/** Those of holds, which have addresses of their own over HTTP. */
export const OF_HOLDS: readonly string[] = [HOLD, ARM, BEGIN, RENEW, END, HOLDS].map(({ name }) => name);

/** Every operation, by its word. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  ALL.map((operation) => [operation.name, operation as unknown as Operation]),
);
