import type { Operation } from "../operation.ts";
import { ATTACH, DETACH_PLUG, GATE_ADD, GATE_DELETE, RECOVER } from "./attach.ts";
import { BUFFER, DISCARD, HOLD, LIMIT, RELEASE, RELEASE_ONE, RELEASE_PACED } from "./hold.ts";
import { COUNTS, GATE_LIST, SHOW, WAIT } from "./show.ts";

const ALL = [
  ATTACH,
  DETACH_PLUG,
  GATE_ADD,
  GATE_DELETE,
  GATE_LIST,
  BUFFER,
  HOLD,
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

/** Every operation, by its word. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  ALL.map((operation) => [operation.name, operation as unknown as Operation]),
);
