import type { Context } from "../context.ts";
import { interruptible, whenAborted } from "../exit_status.ts";
import { describeFailure } from "../failure.ts";

/** How long a file must have been left alone before it is read: an editor writes it in several steps. */
const CALM_MS = 100;

/**
 * Runs, and runs again whenever one of the files has changed, until a signal ends it: its status is then that signal's.
 * What is wrong with a file is told, and does not end it.
 */
export async function runAgain(
  context: Context,
  files: readonly string[],
  runOnce: () => Promise<number>,
): Promise<number> {
  // From before the run on, so that what changes meanwhile counts
  using changes = new Changes(files);
  for (;;) {
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
  readonly #watchers: Deno.FsWatcher[];
  readonly #texts: Map<string, string>;
  #changed = Promise.withResolvers<void>();

  constructor(files: readonly string[]) {
    this.#texts = new Map(files.map((file) => [file, textOf(file)]));
    const folders = new Set(files.map((file) => file.includes("/") ? file.slice(0, file.lastIndexOf("/") + 1) : "."));
    this.#watchers = [...folders].map((folder) => Deno.watchFs(folder, { recursive: false }));
    for (const watcher of this.#watchers) this.#heed(watcher);
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
    for (const watcher of this.#watchers) watcher.close();
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
