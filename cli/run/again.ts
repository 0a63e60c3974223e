import type { Context } from "../context.ts";
import { interruptible, whenAborted } from "../exit_status.ts";
import { describeFailure } from "../failure.ts";

/** How long a file must have been left alone before it is read: an editor writes it in several steps. */
const CALM_MS = 100;

/**
 * Runs, and runs again whenever one of the files that `filesOf` names, anew each time, has changed, until a signal ends it: its status is then that signal's.
 * What is wrong with a file is told, and does not end it.
 */
export async function runAgain(
  context: Context,
  filesOf: () => Promise<readonly string[]>,
  runOnce: () => Promise<number>,
): Promise<number> {
  using changes = new Changes();
  for (;;) {
    // From before the run on, so that what changes meanwhile counts
    const files = await filesOf();
    changes.follow(files);
    const status = await runOnce().catch((error) => {
      const { message, status } = describeFailure(error);
      context.trace(`plugctl: ${message}\n`);
      return status;
    });
    if (status > 128) return status;
    context.note(`waiting for a change of ${files.length === 1 ? files[0] : `${files.length} files`}; Ctrl-C ends it`);
    await interruptible((signal) => Promise.race([changes.next(), whenAborted(signal)]));
  }
}

/** Changes of files, also of those that an editor puts in place of what was there. */
class Changes implements Disposable {
  readonly #watchers = new Map<string, Deno.FsWatcher>();
  #texts = new Map<string, string>();
  #changed = Promise.withResolvers<void>();

  /** From now on these are the files; of one that was there before, the last look counts. */
  follow(files: readonly string[]): void {
    this.#texts = new Map(files.map((file) => [file, this.#texts.get(file) ?? textOf(file)]));
    for (const file of files) {
      const folder = file.includes("/") ? file.slice(0, file.lastIndexOf("/") + 1) : ".";
      if (!this.#watchers.has(folder)) this.#watch(folder);
    }
  }

  #watch(folder: string): void {
    try {
      const watcher = Deno.watchFs(folder, { recursive: false });
      this.#watchers.set(folder, watcher);
      this.#heed(watcher);
    } catch (error) {
      // A folder that is not there: the file that names it says so, and is watched.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Returns once a file holds something else than when it was last looked at, and is left alone. */
  async next(): Promise<void> {
    for (;;) {
      if (this.#look()) {
        do await new Promise((resolve) => setTimeout(resolve, CALM_MS)); while (this.#look());
        return;
      }
      await this.#changed.promise;
      this.#changed = Promise.withResolvers();
    }
  }

  /** Whether a file holds something else than at the last look. */
  #look(): boolean {
    const changed = [...this.#texts].filter(([file, text]) => textOf(file) !== text);
    for (const [file] of changed) this.#texts.set(file, textOf(file));
    return changed.length > 0;
  }

  async #heed(watcher: Deno.FsWatcher): Promise<void> {
    for await (const _ of watcher) this.#changed.resolve();
  }

  [Symbol.dispose](): void {
    for (const watcher of this.#watchers.values()) watcher.close();
  }
}

/** What is in a file; nothing while it is not there. */
function textOf(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch {
    return "";
  }
}
