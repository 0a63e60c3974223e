/** The language in which a gate is told which packets are meant. */
export { formatMatch } from "./format_match.ts";
export type { Match } from "./match.ts";
export { MatchError, type MatchFault } from "./match_error.ts";
export { filtersOf, matchOf } from "./match_filters.ts";
export { parseMatch } from "./parse_match.ts";
