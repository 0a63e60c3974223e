// Waits as `plugctl detach` does until a signal ends it, and then waits without.
import { Interrupted, interruptible } from "../../cli/exit_status.ts";

const timer = setInterval(() => {}, 1000);
try {
  await interruptible((signal) => {
    console.log("waits");
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  });
} catch (error) {
  if (!(error instanceof Interrupted)) throw error;
  console.log(`${error.message}, ${error.number}`);
}
await new Promise(() => timer);
