/** The root of the project, with a slash at its end. */
export const ROOT = new URL("../../", import.meta.url);

/** The folders of the library and the program, each of which may import itself and those before it. */
export const LAYERS = [
  "codec",
  "linux",
  "netlink",
  "guardian",
  "plug",
  "gate",
  "capture",
  "scenario",
  "control",
  "fleet",
  "uml",
  "cli",
] as const;

export type Layer = typeof LAYERS[number];

/** The path of every TypeScript file of the project, from its root, but for AssemblyScript and what tasks make: `cli/main.ts`. */
export function sourceFiles(folder = ""): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}${name}`;
    if (isDirectory) return isSkipped(path) ? [] : sourceFiles(`${path}/`);
    return name.endsWith(".ts") ? [path] : [];
  }).sort();
}

function isSkipped(path: string): boolean {
  return /(^|\/)\.|node_modules$|__snapshots__$/.test(path) || ["codec/assembly", "dist"].includes(path);
}

/** The layer that a file is part of, or `undefined` where it is outside of them. */
export function layerOf(path: string): Layer | undefined {
  return LAYERS.find((layer) => path.startsWith(`${layer}/`));
}

/** The code of a file, without its comments. */
export function codeOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT)).replaceAll(/\/\*.*?\*\/|(?<!:)\/\/.*?$/gms, "");
}

/** Runs Deno in the project, and gives what it printed, with its exit status. */
export async function deno(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, env: { NO_COLOR: "1" }, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { status: code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
