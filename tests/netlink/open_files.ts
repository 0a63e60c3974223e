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

/** The sockets among them, by their inodes: files the runtime opens and closes beside a test. */
export function openSockets(): Set<string> {
  return new Set([...openFiles()].flatMap((name) => {
    const target = linkTarget(`/proc/self/fd/${name}`);
    return target?.startsWith("socket:") ? target : [];
  }));
}

function linkTarget(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
