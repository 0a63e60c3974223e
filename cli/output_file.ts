import { joined } from "../codec/byte_text.ts";

/** A file that is written in one piece, in the end, and is there whole or not at all. */
export class OutputFile {
  /** Where it will be. */
  readonly path: string;
  readonly #what: string;

  private constructor(path: string, what: string) {
    this.path = path;
    this.#what = what;
  }

  /**
   * Sees to it that the file can be written. What is there stays until `write`.
   *
   * @param what What it is, in an error: `the report`
   * @throws {Error} where there could be no such file: the folder is not there or not to be written to, or has the name
   */
  static async prepare(path: string, what: string): Promise<OutputFile> {
    const there = await statOf(path);
    if (there?.isDirectory) throw cannotWrite(`${what} ${path}`, "it is a folder");
    const folder = folderOf(path);
    const around = await statOf(folder);
    if (!around?.isDirectory) throw cannotWrite(`${what} ${path}`, `there is no folder ${folder}`);
    if (!there || there.isFile) await tryFolder(path, `${what} ${path}`);
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

/** Where the part is written that becomes the file: beside what a link leads to, which is left. */
async function partOf(path: string): Promise<{ place: string; part: string }> {
  const place = await statOf(path) ? await Deno.realPath(path) : path;
  return { place, part: `${place}.${crypto.randomUUID().slice(0, 8)}.part` };
}

async function tryFolder(path: string, what: string): Promise<void> {
  const { part } = await partOf(path);
  try {
    await write(part, "", { createNew: true });
  } catch (error) {
    throw cannotWrite(what, sentenceOf(error), error);
  } finally {
    await removeIfThere(part);
  }
}

async function put(content: string | Uint8Array, path: string): Promise<void> {
  const there = await statOf(path);
  // A device or a pipe is written to
  if (there && !there.isFile) return await write(path, content);
  const { place, part } = await partOf(path);
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

/** What is written at once, at the least, while more keeps coming. */
const WRITE_LEN = 1 << 16;

/** A file, or standard output, that grows while others read it already. */
export class OutputStream implements Disposable {
  readonly #target: { writeSync(bytes: Uint8Array): number };
  readonly #close: () => void;
  readonly #path: string;
  #parts: Uint8Array[] = [];
  #length = 0;

  /**
   * Opens it; what was there is gone. `-` is standard output.
   *
   * @throws {Error} where it cannot be written
   */
  constructor(path: string) {
    this.#path = path;
    if (path === "-") {
      this.#target = Deno.stdout;
      this.#close = () => {};
      return;
    }
    const file = this.#written(() => Deno.openSync(path, { write: true, create: true, truncate: true }));
    this.#target = file;
    this.#close = () => file.close();
  }

  /** Adds to it. What is added may stay behind until `flush`. */
  write(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    if (this.#length >= WRITE_LEN) this.flush();
  }

  /**
   * Writes all that was added.
   *
   * @throws {Error} where it cannot be written, such as on a full disk
   */
  flush(): void {
    const all = joined(this.#parts);
    this.#parts = [];
    this.#length = 0;
    this.#written(() => {
      for (let done = 0; done < all.length;) done += this.#target.writeSync(all.subarray(done));
    });
  }

  /** Writes the rest and closes it. */
  [Symbol.dispose](): void {
    try {
      this.flush();
    } finally {
      this.#close();
    }
  }

  #written<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw this.#path === "-" ? error : cannotWrite(this.#path, sentenceOf(error), error);
    }
  }
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
