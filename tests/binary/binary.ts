/** How the binary ended. */
export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** The binary that `run.ts` has compiled. */
export const BINARY: string = given("PLUGCTL_BINARY");
/** The folder of the bundle that it has made. */
export const BUNDLE: string = given("PLUGCTL_BUNDLE");

/** Where programs are, without Deno. */
const SYSTEM = `/usr/sbin:/usr/bin:/sbin:/bin:${given("PLUGCTL_TOOLS")}/../bin`;

function given(name: string): string {
  const value = Deno.env.get(name);
  if (value !== undefined) return value;
  throw new Error(`Cannot test the binary: ${name} is not set; run this by tests/binary/run.ts`);
}

/** Runs a program with these words, the binary by default, with no input and a bare environment. */
export async function run(
  words: readonly string[],
  { program = BINARY, env = {} }: { program?: string; env?: Record<string, string> } = {},
): Promise<Outcome> {
  const options = { args: [...words], clearEnv: true, env: { PATH: SYSTEM, ...env } };
  const { code, stdout, stderr } = await new Deno.Command(program, { ...options, stdin: "null" }).output();
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
