import type { QueueTotal } from "../event.ts";
import type { Hold } from "./holds.ts";
import { type Markup, markup } from "./markup.ts";
import { formatCount, formatMoment, formatTime } from "./quantity.ts";
import { type Column, tableHtml } from "./table_html.ts";

const HOLD_COLUMNS: readonly Column<Hold>[] = [
  { title: "Queue", cell: ({ queue }) => queue },
  { title: "From", isNumber: true, cell: ({ from }) => formatMoment(from) },
  {
    title: "Held for",
    isNumber: true,
    cell: ({ from, to }) => to === undefined ? "to the end" : formatTime(to - from),
  },
  { title: "Packets", isNumber: true, cell: ({ packets }) => formatCount(packets) },
  { title: "Bytes", isNumber: true, cell: ({ bytes }) => formatCount(bytes) },
  { title: "Most at once", isNumber: true, cell: ({ mostPackets }) => formatCount(mostPackets) },
  { title: "Longest wait", isNumber: true, cell: ({ longestWait }) => formatTime(longestWait) },
  { title: "Epochs released", isNumber: true, cell: ({ epochs }) => formatCount(epochs) },
  { title: "Drops", isNumber: true, cell: ({ drops }) => formatCount(drops) },
];

const TOTAL_COLUMNS: readonly Column<[string, QueueTotal]>[] = [
  { title: "Queue", cell: ([name]) => name },
  { title: "Packets let through", isNumber: true, cell: ([, { packets }]) => formatCount(packets) },
  { title: "Bytes", isNumber: true, cell: ([, { bytes }]) => formatCount(bytes) },
  { title: "Holds", isNumber: true, cell: ([, { holds }]) => formatCount(holds) },
  { title: "Longest hold", isNumber: true, cell: ([, { longestHold }]) => formatTime(longestHold) },
  { title: "Most at once", isNumber: true, cell: ([, { mostHeld }]) => formatCount(mostHeld) },
  { title: "Drops", isNumber: true, cell: ([, { drops }]) => formatCount(drops) },
];

/** Every time in which a queue held packets. */
export function holdsHtml(holds: readonly Hold[]): Markup {
  return markup`<section id="holds"><h2>Holds</h2>
${tableHtml(HOLD_COLUMNS, holds, "Nothing was held.")}
<p class="hint">No packet waited longer than its hold's longest wait: it counts from the last look at the queue that
found nothing waiting.</p>
</section>\n`;
}

/** What each queue has seen from its beginning to its end. */
export function totalsHtml(totals: Readonly<Record<string, QueueTotal>>): Markup {
  return markup`<section id="totals"><h2>Queues</h2>
${tableHtml(TOTAL_COLUMNS, Object.entries(totals), "There was none.")}
</section>\n`;
}
