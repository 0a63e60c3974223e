/** A step could not be done, or what it expects is not so. */
export class StepError extends Error {
  /** The class's name. */
  override name = "StepError";
  /** Whether something that the scenario expects is not so; otherwise the step failed. */
  readonly unmet: boolean;

  /** The message says what was to be done and what is in the way. */
  constructor(message: string, { unmet = false, cause }: { unmet?: boolean; cause?: unknown } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.unmet = unmet;
  }
}
