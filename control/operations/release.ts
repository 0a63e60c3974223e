import * as v from "valibot";
import type { Desk, Named } from "../desk.ts";
import { ON, operation } from "../operation.ts";

const COUNT = v.optional(v.boolean());

/** `release`: releases everything, and passes packets from here on. */
export const RELEASE = operation({
  name: "release",
  summary: "release everything and pass packets from here on",
  isShared: true,
  schema: v.strictObject({ ...ON, count: COUNT }),
  run: (input, { desk }) => release(desk, { ...input, one: false }),
});

/** `release-one`: releases the epoch that the last `buffer` ended. */
export const RELEASE_ONE = operation({
  name: "release-one",
  summary: "release the epoch that the last buffer ended, and go on holding",
  isShared: true,
  schema: v.strictObject({ ...ON, count: COUNT }),
  run: (input, { desk }) => release(desk, { ...input, one: true }),
});

/** Releases, and unless that is not asked for waits until it shows how much has left. */
async function release(
  desk: Desk,
  { one, count = true, ...named }: Named & { one: boolean; count?: boolean },
): Promise<Record<string, unknown>[]> {
  const things = desk.find(named);
  const group = desk.group(things);
  if (!count) {
    if (one) group.releaseOne();
    else group.release();
    return things.map(({ name }) => ({ name }));
  }
  const reports = await group.releaseAndCount({ one });
  return reports.map(({ releasedPackets, waitingPackets, lostPackets }, index) => ({
    name: things[index].name,
    releasedPackets,
    waitingPackets,
    lostPackets,
  }));
}
