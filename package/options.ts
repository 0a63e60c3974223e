// @ts-types="./parse_args.d.ts"
import { parseArgs } from "@std/cli/parse-args";

/**
 * The options of this program, each with a value: those that are given, and the defaults of the others.
 *
 * @throws {RangeError} Where a word is none of them, or an option has no value: as a prefix that would be the root.
 */
export function options<Options extends Record<string, string>>(defaults: Options): Options {
  const names = Object.keys(defaults);
  const { _: operands, ...given } = parseArgs(Deno.args, { string: names, default: defaults });
  const stray = [...operands, ...Object.keys(given).filter((name) => !names.includes(name)).map((name) => `--${name}`)];
  if (stray.length > 0) {
    const all = names.map((name) => `--${name}`).join(", ");
    throw new RangeError(`Cannot understand ${JSON.stringify(stray[0])}: there are ${all}`);
  }
  const empty = names.find((name) => given[name] === "");
  if (empty === undefined) return given as unknown as Options;
  throw new RangeError(`Cannot understand --${empty}: it needs a value`);
}
