import type { ScenarioEvent } from "../event.ts";

type Format = (events: readonly ScenarioEvent[]) => string | Promise<string>;

/** The file of a report: it is written once the run is over, and is there whole or not at all. */
export class ReportFile {
  readonly #path: string;
  readonly #format: Format;
  readonly #events: ScenarioEvent[] = [];

  private constructor(path: string, format: Format) {
    this.#path = path;
    this.#format = format;
  }

  /**
   * Prepares a report. Nothing is written before the run is over.
   *
   * @throws {Error} where there could be no such file: the folder is not there, or a folder has the name
   */
  static async prepare(path: string): Promise<ReportFile> {
    const there = await statOf(path);
    if (there?.isDirectory) throw cannotWrite(path, "it is a folder");
    const folder = folderOf(path);
    const around = await statOf(folder);
    if (!around?.isDirectory) throw cannotWrite(path, `there is no folder ${folder}`);
    // Loaded here, since few runs want a report, and in the end it may be there no more.
    const { formatReport } = await import("./report.ts");
    return new ReportFile(path, formatReport);
  }

  /** Where it will be. */
  get path(): string {
    return this.#path;
  }

  /** Keeps an event for it. */
  readonly add = (event: ScenarioEvent): void => void this.#events.push(event);

  /**
   * Writes the report beside its place, then puts it there. Where that fails, what was there stays, and nothing else is
   * left behind.
   *
   * @throws {Error} where it cannot be written, such as on a full disk
   */
  async write(): Promise<void> {
    const text = await this.#format(this.#events);
    try {
      await put(text, this.#path);
    } catch (error) {
      throw cannotWrite(this.#path, sentenceOf(error), error);
    }
  }
}

async function put(text: string, path: string): Promise<void> {
  const there = await statOf(path);
  // A device or a pipe is written to, and a link is left: what it leads to is replaced
  if (there && !there.isFile) return await Deno.writeTextFile(path, text);
  const place = there ? await Deno.realPath(path) : path;
  const part = `${place}.${crypto.randomUUID().slice(0, 8)}.part`;
  try {
    await Deno.writeTextFile(part, text, { createNew: true });
    await Deno.rename(part, place);
  } catch (error) {
    await removeIfThere(part);
    throw error;
  }
}

/** What the system says. Deno adds which of its functions it was, and the name of the part that is gone by now. */
function sentenceOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return /^.*?\(os error \d+\)/.exec(text)?.[0] ?? text;
}

function cannotWrite(path: string, reason: string, cause?: unknown): Error {
  return new Error(`Cannot write the report ${path}: ${reason}`, { cause });
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
