/** Keeps what is written to it. */
export class Written {
  #bytes: number[] = [];

  writeSync(bytes: Uint8Array): number {
    this.#bytes.push(...bytes);
    return bytes.length;
  }

  get text(): string {
    return new TextDecoder().decode(Uint8Array.from(this.#bytes));
  }
}
