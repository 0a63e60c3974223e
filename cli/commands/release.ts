import type { Change } from "../../plug/change.ts";
import { releaseAndCount, whyNothing } from "../../plug/release.ts";
import { changeCommand } from "../change_command.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit_status.ts";
import { losses } from "../printing.ts";

/** `plugctl release` and `plugctl release-one` */
export async function run(context: Context): Promise<number> {
  const one = context.arguments.command === "release-one";
  let status: number = EXIT.done;
  const command = changeCommand<Change>(
    () => ({ action: one ? "release-one" : "release-indefinite" }),
    async (queues) => {
      const reports = await releaseAndCount(queues, { one });
      for (const report of reports) {
        const nothing = whyNothing(report);
        if (nothing !== undefined) context.note(nothing);
        const lost = losses(`the ${report.queue}`, { drops: 0, discardedPackets: 0, lostPackets: report.lostPackets });
        for (const loss of lost) context.note(loss);
        if (lost.length > 0) status = EXIT.failed;
      }
      return reports.map(({ releasedPackets, waitingPackets, lostPackets }) => ({
        releasedPackets,
        waitingPackets,
        lostPackets,
      }));
    },
  );
  await command(context);
  return status;
}
