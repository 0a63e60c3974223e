/**
 * Whether a program is there that a test needs. Where it is not, that is said, with what would mend it, and is an error
 * if `CI` is `true`.
 */
export async function isThere(name: string, command: readonly string[], mend: string): Promise<boolean> {
  if (await answers([...command, "--version"])) return true;
  const message = `tests in ${name} NOT RUN: ${command.join(" ")} does not start; get it with: ${mend}`;
  if (Deno.env.get("CI") === "true") throw new Error(message);
  console.error(message);
  return false;
}

async function answers([program, ...args]: readonly string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
