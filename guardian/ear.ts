import { Listener } from "../netlink/listener.ts";
import { type Happening, meaningOf, type Watched, WATCHED_GROUPS } from "./watch.ts";

/** What was said of a plug: the first that is certain, or that it was changed. */
export interface News {
  what: Happening | "changed";
  /** The port of the socket of who did it. */
  port: number;
}

/** What a guardian hears in a network namespace, and of which of its charges that tells something. */
export class Ear implements Disposable {
  readonly #listener: Listener;
  readonly #onNews: (id: number) => void;
  readonly #watched = new Map<number, Watched>();
  readonly #news = new Map<number, News>();
  readonly #changedBy = new Map<number, number>();
  #closed = false;

  /** Listens from now on; `onNews` is called with the number of a charge of which something was said. */
  constructor({ netns, onNews }: { netns?: string; onNews: (id: number) => void }) {
    this.#listener = Listener.open({ groups: WATCHED_GROUPS, netns });
    this.#onNews = onNews;
    this.#listen();
  }

  /** Listens to what is said of a charge. */
  attend(id: number, watched: Watched): void {
    this.#watched.set(id, watched);
  }

  /** Does not any more. */
  leave(id: number): void {
    this.#watched.delete(id);
    this.#news.delete(id);
    this.#changedBy.delete(id);
  }

  /** Hears what was said before this call began, and tells it. */
  hear(): void {
    this.#gather();
    for (const id of [...this.#news.keys()]) this.#onNews(id);
  }

  /** Hears what was said before this call began, of which nothing needs to be told. */
  forget(): void {
    this.#gather();
    this.#news.clear();
  }

  /** What was said of a charge, which is forgotten with that. */
  newsOf(id: number): News | undefined {
    const news = this.#news.get(id);
    this.#news.delete(id);
    return news;
  }

  /** Keeps in mind who has changed a plug. */
  noteChange(id: number, port: number): void {
    this.#changedBy.set(id, port);
  }

  /** Who has changed a plug last. */
  changedBy(id: number): number | undefined {
    return this.#changedBy.get(id);
  }

  /** Ends the listening. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#listener[Symbol.dispose]();
  }

  async #listen(): Promise<void> {
    for (;;) {
      await this.#listener.readable();
      if (this.#closed) return;
      this.hear();
    }
  }

  /** Nothing is asked of the kernel meanwhile, whose answer would overwrite what is being read. */
  #gather(): void {
    this.#listener.hears((message) => {
      for (const [id, watched] of this.#watched) {
        const news = meaningOf(message, watched);
        const before = this.#news.get(id);
        if (news && (!before || before.what === "changed")) this.#news.set(id, news);
        // Who asks for a release says so before the kernel says who has changed the plug.
        else if (news?.what === "changed" && before?.port === 0) before.port = news.port;
      }
      return false;
    });
  }
}
