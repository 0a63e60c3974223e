// Does a work again and again, and prints a sample as a line of JSON now and then:  cycles.ts INDEX CYCLES
import { takeSample } from "./sample.ts";
import { WORKS } from "./works.ts";

const [index, count] = Deno.args.map(Number);
const last = WORKS[index].cycles ?? count;
/** A few while it warms up, then those by which is seen whether it grows. */
const at = new Set([0.005, 0.05, 0.1, 0.25, 0.5, 0.75, 1].map((part) => Math.ceil(part * last)));
const { cycle, guardian, end } = await WORKS[index].start();
for (let done = 1; done <= last; done++) {
  await cycle();
  if (at.has(done)) console.log(JSON.stringify(await takeSample(done, guardian)));
}
await end();
