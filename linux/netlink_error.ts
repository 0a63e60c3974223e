import { errnoName } from "../codec/errno_name.ts";
import { errnoSentence } from "./errno.ts";

/** What is known of a refusal. */
export interface Refusal {
  /** A positive errno. */
  errno: number;
  /** The kernel's own sentence, where it sent one. */
  sentence?: string;
  /** Where in the request the fault is, in bytes; 0 where the kernel did not say. */
  offset?: number;
}

/** The kernel refused, or did not answer. */
export class NetlinkError extends Error {
  /** The class's name. */
  override name = "NetlinkError";
  /** What was being done: `create plug`, `dump qdiscs`, `socket`. */
  readonly operation: string;
  /** A positive errno. */
  readonly errno: number;
  /** The errno's name: `ENOENT`. */
  readonly code: string;
  /** The kernel's own sentence, or empty. */
  readonly sentence: string;
  /** Where in the request the fault is, in bytes; 0 where the kernel did not say. */
  readonly offset: number;

  /** Puts the sentence together: `Cannot create plug: it exists already (EEXIST)`. */
  constructor(
    operation: string,
    { errno, sentence = "", offset = 0 }: Refusal,
    options?: ErrorOptions,
  ) {
    super(
      `Cannot ${operation}: ${sentence || errnoSentence(errno)} (${errnoName(errno)})`,
      options,
    );
    this.operation = operation;
    this.errno = errno;
    this.code = errnoName(errno);
    this.sentence = sentence;
    this.offset = offset;
  }
}
