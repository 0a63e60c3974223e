/** Keeps what is written to it. */
export class Written {
  #chunks: Uint8Array[] = [];

  writeSync(bytes: Uint8Array): number {
    this.#chunks.push(bytes.slice());
    return bytes.length;
  }

  get text(): string {
    const decoder = new TextDecoder();
    return this.#chunks.map((bytes) => decoder.decode(bytes, { stream: true })).join("") + decoder.decode();
  }
}
