/**
 * The codec as npm installs it, packed by the task.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);

/** A folder in which the package is installed, which is removed when the block ends. */
export class Installed implements AsyncDisposable {
  readonly folder: string;
  /** The packed package. */
  readonly archive: string;

  private constructor(folder: string, archive: string) {
    this.folder = folder;
    this.archive = archive;
  }

  /** Makes the package, and installs it in a folder of its own with copies of these files of the project. */
  static async with(...files: string[]): Promise<Installed> {
    const folder = await Deno.makeTempDir({ prefix: "plugctl-installed-" });
    const made = await output(Deno.execPath(), ["run", "-A", "--quiet", "--no-check", "codec_build/npm.ts", folder]);
    const [, archive] = /^(.*\.tgz), \d+ bytes$/m.exec(made) ?? [];
    await output("npm", ["install", "--silent", "--offline", "--no-audit", "--no-fund", "--prefix", folder, archive]);
    for (const file of files) await Deno.copyFile(new URL(file, ROOT), `${folder}/${file.split("/").at(-1)}`);
    return new Installed(folder, archive);
  }

  /** What a program prints that runs in the folder. */
  async run(program: string, ...args: string[]): Promise<string> {
    return await output(program, args, this.folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

async function output(program: string, args: string[], cwd: string | URL = ROOT): Promise<string> {
  const command = new Deno.Command(program, { args, cwd, env: { NO_COLOR: "1" }, stdin: "null" });
  const { success, stdout, stderr } = await command.output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`Cannot run ${[program, ...args].join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
