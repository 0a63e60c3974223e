/**
 * How the demo looks: what is done, the command that does it, and what came of it.
 *
 * @module
 */

/** Says in words what comes next. */
export function explain(text: string): void {
  console.log(`\n${paint("1", text)}`);
}

/** Shows a command as it is typed. */
export function showCommand(command: string): void {
  console.log(`${paint("32", "$")} ${command}`);
}

/** Shows what happened that no command printed. */
export function observe(text: string): void {
  console.log(paint("36", text));
}

function paint(code: string, text: string): string {
  return Deno.noColor ? text : `\x1b[${code}m${text}\x1b[0m`;
}
