// Fuzzes in a thread of its own, so that all processors take part.
import { fuzz, type FuzzOptions } from "./fuzz.ts";

const thread = self as unknown as Worker;

thread.onmessage = ({ data }: MessageEvent<FuzzOptions>) => {
  thread.postMessage(fuzz(data));
  close();
};
