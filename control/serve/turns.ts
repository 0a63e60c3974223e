/** Does what is about the same thing one after the other, and what is about different ones at the same time. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Returns what the work does, which begins when all that came before it for one of the keys is done. */
  async take<T>(keys: readonly string[], work: () => T | Promise<T>): Promise<T> {
    const before = keys.map((key) => this.#last.get(key));
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const key of keys) this.#last.set(key, promise);
    try {
      await Promise.all(before);
      return await work();
    } finally {
      resolve();
      for (const key of keys) if (this.#last.get(key) === promise) this.#last.delete(key);
    }
  }
}
