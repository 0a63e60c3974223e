import * as v from "valibot";
import { recover } from "../../gate/recover.ts";
import { NETNS, operation } from "../operation.ts";
import { problemOf } from "../problem.ts";

/** `recover`: takes away what plugctl has left behind; what is in use is left alone. */
export const RECOVER = operation({
  name: "recover",
  summary: "release and take away what plugctl has left behind; what is in use stays",
  schema: v.strictObject({ ...NETNS }),
  async run({ netns }, { desk, signal }) {
    const { failures, ...recovery } = await recover(desk.connect(netns), { signal });
    return { ...recovery, failures: failures.map(problemOf) };
  },
});
