/** The numbers of the files that this process has open, without the one that reading them takes. */
export function openFiles(): Set<string> {
  const names = Array.from(Deno.readDirSync("/proc/self/fd"), ({ name }) => name);
  return new Set(names.filter((name) => exists(`/proc/self/fd/${name}`)));
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
