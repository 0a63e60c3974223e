// Fuzzes in a thread of its own, so that all processors take part.
import { fuzz, type FuzzOptions } from "./fuzz.ts";

const thread = self as unknown as Worker;

// Half of the mutants are refused by both decoders, and nobody looks at where the errors came from.
Error.stackTraceLimit = 0;

thread.onmessage = ({ data }: MessageEvent<FuzzOptions>) => {
  thread.postMessage(fuzz(data));
  close();
};
