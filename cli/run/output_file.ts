/** A file that is written once a run is over, and is there whole or not at all. */
export class OutputFile {
  /** Where it will be. */
  readonly path: string;
  readonly #what: string;

  private constructor(path: string, what: string) {
    this.path = path;
    this.#what = what;
  }

  /**
   * Sees to it that the file can be written. Nothing is before the run is over.
   *
   * @param what What it is, in an error: `the report`
   * @throws {Error} where there could be no such file: the folder is not there, or a folder has the name
   */
  static async prepare(path: string, what: string): Promise<OutputFile> {
    const there = await statOf(path);
    if (there?.isDirectory) throw cannotWrite(`${what} ${path}`, "it is a folder");
    const folder = folderOf(path);
    const around = await statOf(folder);
    if (!around?.isDirectory) throw cannotWrite(`${what} ${path}`, `there is no folder ${folder}`);
    return new OutputFile(path, what);
  }

  /**
   * Writes it beside its place, then puts it there. Where that fails, what was there stays, and nothing else is left
   * behind.
   *
   * @throws {Error} where it cannot be written, such as on a full disk
   */
  async write(content: string | Uint8Array): Promise<void> {
    try {
      await put(content, this.path);
    } catch (error) {
      throw cannotWrite(`${this.#what} ${this.path}`, sentenceOf(error), error);
    }
  }
}

async function put(content: string | Uint8Array, path: string): Promise<void> {
  const there = await statOf(path);
  // A device or a pipe is written to, and a link is left: what it leads to is replaced
  if (there && !there.isFile) return await write(path, content);
  const place = there ? await Deno.realPath(path) : path;
  const part = `${place}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await write(part, content, { createNew: true });
    await Deno.rename(part, place);
  } catch (error) {
    await removeIfThere(part);
    throw error;
  }
}

async function write(path: string, content: string | Uint8Array, options?: Deno.WriteFileOptions): Promise<void> {
  if (typeof content === "string") await Deno.writeTextFile(path, content, options);
  else await Deno.writeFile(path, content, options);
}

/** What the system says. Deno adds which of its functions it was, and the name of the part that is gone by now. */
function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /^.*?\(os error \d+\)/.exec(text)?.[0] ?? text;
}

function cannotWrite(what: string, reason: string, cause?: unknown): Error {
  return new Error(`Cannot write ${what}: ${reason}`, { cause });
}

function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end < 0 ? "." : path.slice(0, end + 1);
}

async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
