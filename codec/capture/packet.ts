/** A packet of a capture. */
export interface CapturedPacket {
  /** When it was seen, in seconds since 1970; 0 where the capture does not say. */
  seconds: number;
  /** What of the next second had passed. */
  nanoseconds: number;
  /** What of it was captured, in the part of the capture that was given last. */
  bytes: Uint8Array;
  /** How long it was: more than `bytes` where only its beginning was captured. */
  length: number;
  /** `LINKTYPE_*` of libpcap: what it begins with. */
  linkType: number;
  /** What somebody wrote about it. */
  comment?: string;
}

/** Reads one form of capture. */
export interface CaptureForm {
  /** What the packets begin with, as far as the capture has said it by now. */
  readonly linkTypes: readonly number[];
  /** The next packet, or else whether to ask again: `false` where more of the capture must come first. */
  next(): CapturedPacket | boolean;
}
