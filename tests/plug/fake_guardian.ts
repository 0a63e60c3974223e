import type { AnyCharge, Released } from "../../guardian/charge.ts";
import type { AnyGuardian } from "../../guardian/entrust.ts";

/** A guardian that notes what it is told, and releases when the test has it do so. */
export class FakeGuardian implements AnyGuardian {
  readonly pid = Deno.pid;
  /** What it was told, in words: `take gate web`, `arm 500`. */
  readonly told: string[] = [];
  readonly #released = new Map<number, Released>();
  #last = 0;
  #since?: number;
  #said = Promise.withResolvers<void>();

  /** It has released the last that it was given, or others have done something to it. */
  say(report: Omit<Released, "report" | "id">): void {
    this.#released.set(this.#last, { report: "released", id: this.#last, since: this.#since, ...report });
    this.#said.resolve();
  }

  greet(): void {}

  take<C extends AnyCharge>({ kind, name }: C): number {
    this.told.push(`take ${kind} ${name}`);
    return ++this.#last;
  }

  arm(id: number, maxMs?: number): void {
    this.#released.delete(id);
    this.told.push(`arm ${maxMs ?? "without end"}`);
  }

  holdsSince(_id: number, sequence: number): void {
    this.#since = sequence;
  }

  renew(_id: number, maxMs: number): void {
    this.told.push(`renew ${maxMs}`);
  }

  know(): void {
    this.told.push("know");
  }

  watch(): void {
    this.told.push("watch");
  }

  look(): void {
    this.told.push("look");
  }

  unwatch(): void {
    this.told.push("unwatch");
  }

  disarm(): void {
    this.told.push("disarm");
  }

  drop(): void {
    this.told.push("drop");
  }

  outlive(): void {
    this.told.push("outlive");
  }

  released(id: number): Released | undefined {
    return this.#released.get(id);
  }

  async whenReleased(id: number): Promise<Released | undefined> {
    await this.#said.promise;
    return this.#released.get(id);
  }

  disconnect(): void {}

  [Symbol.dispose](): void {}
}
