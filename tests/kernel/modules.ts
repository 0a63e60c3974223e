// Kernel modules that one test needs, and the others do not.

/** The folder of User-Mode Linux's modules, where that is what runs. */
const FOLDER = Deno.env.get("PLUGCTL_MODULES");

/**
 * Loads modules with those that they depend on; one that is not there is built in, or the kernel says so itself when it is
 * asked for.
 */
export async function loadModules(names: readonly string[]): Promise<void> {
  if (FOLDER === undefined) return void await run("modprobe", "-a", "-q", ...names);
  const { modulesToLoad } = await import("../../uml/modules.ts");
  const loaded = new Set((await Deno.readTextFile("/proc/modules")).split("\n").map((line) => line.split(" ")[0]));
  for (const line of modulesToLoad(FOLDER, [], names)) {
    const [path, parameter] = line.split("\t");
    const name = path.slice(path.lastIndexOf("/") + 1).replace(/\.ko.*$/, "").replaceAll("-", "_");
    if (!loaded.has(name)) await run("busybox", "insmod", path, ...parameter ? [parameter] : []);
  }
}

async function run(program: string, ...args: string[]): Promise<void> {
  await new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).output();
}
