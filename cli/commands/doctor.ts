import type { Context } from "../context.ts";
export function run(_context: Context): void {}
