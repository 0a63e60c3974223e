/** What a process of plugctl did. */
export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs the program with these words. Where its standard input is asked anything, it gets no answer. */
export async function plugctl(
  words: readonly string[],
  { permissions = ["-A"], env = {}, main = "../../cli/main.ts" }: {
    permissions?: readonly string[];
    env?: Readonly<Record<string, string>>;
    /** The module that is run instead, from this folder. */
    main?: string;
  } = {},
): Promise<Outcome> {
  const url = new URL(main, import.meta.url).href;
  const args = ["run", "--quiet", "--no-check", ...permissions, url, ...words];
  const command = new Deno.Command(Deno.execPath(), { args, env, stdin: "null", stdout: "piped", stderr: "piped" });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
