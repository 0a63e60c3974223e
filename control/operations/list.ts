import type { Operation } from "../operation.ts";
import { ATTACH } from "./attach.ts";
import { BUFFER } from "./buffer.ts";
import { COUNTS, WAIT } from "./counts.ts";
import { DETACH_PLUG, GATE_DELETE } from "./detach.ts";
import { GATE_ADD } from "./gate_add.ts";
import { HOLD } from "./hold.ts";
import { LIMIT } from "./limit.ts";
import { RECOVER } from "./recover.ts";
import { RELEASE, RELEASE_ONE } from "./release.ts";
import { GATE_LIST, SHOW } from "./show.ts";

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
  LIMIT,
  SHOW,
  RECOVER,
];

/** Every operation, by its word. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map(
  ALL.map((operation) => [operation.name, operation as unknown as Operation]),
);
