/** The language in which a gate is told which packets are meant. */
export { type Clause, CLAUSES } from "./clauses.ts";
export { type Cube, EVERYTHING } from "./cube.ts";
export { FILTERS_MAX, parseMatch } from "./expression.ts";
export type { Key } from "../../plug/filter.ts";
export { keysOf } from "./flower.ts";
export { MatchError, type MatchFault } from "./reader.ts";
