/** What is to be done for a charge. Each is done for all charges before the next is done for any. */
export interface Duty {
  /** What is held at this moment. */
  look?(): { packets: number; bytes: number };
  /** Lets go what is held. */
  release?(): void;
  /** Waits until it has left, and takes away what was made; ends processes. */
  putRight?(): Promise<void>;
  /** Removes what was needed till then. */
  remove?(): void;
}
