/** A folder on a disk that has no room for a report, and no more once it is disposed of. */
export interface FullDisk extends Disposable {
  readonly folder: string;
}

/** Less than a report takes. */
const SIZE = "size=16k";

/** Mounts one. */
export function fullDisk(): FullDisk {
  const folder = Deno.makeTempDirSync({ prefix: "plugctl-full-" });
  command("mount", "-t", "tmpfs", "-o", SIZE, "tmpfs", folder);
  return {
    folder,
    [Symbol.dispose]: () => {
      command("umount", folder);
      Deno.removeSync(folder);
    },
  };
}

function command(program: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(program, { args }).outputSync();
  if (!success) throw new Error(`Cannot ${program}: ${new TextDecoder().decode(stderr)}`);
}
