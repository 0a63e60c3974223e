/* The packets of the page's data, and what is said of each in words, for the ladder. */
globalThis.packets = (() => {
  const { ladder, queues } = JSON.parse(document.getElementById("data").textContent);
  const FEW_MICROSECONDS = 1000;
  const TABLE_MOST = 2000;
  const milliseconds = (micros) =>
    micros < 1000 ? `${micros} µs` : `${(micros / 1000).toFixed(micros < 10000 ? 1 : 0)} ms`;
  const moment = (micros) => `${(micros / 1e6).toFixed(6).replace(/(\d{3})$/, " $1")} s`;
  /** The same in both directions. */
  const connectionOf = (from, to) => [ladder.texts[from], ladder.texts[to]].sort().join(" – ");
  const all = ladder.packets.map((
    [queue, number, from, out, source, target, fromText, toText, what, length, bytes],
  ) => ({
    queue: ladder.texts[queue],
    colour: `--queue-${queues.findIndex(({ name }) => name === ladder.texts[queue]) % 6}`,
    number,
    in: from,
    out: out < 0 ? undefined : out,
    source,
    target,
    from: ladder.texts[fromText],
    to: ladder.texts[toText],
    connection: connectionOf(fromText, toText),
    what: ladder.texts[what],
    length,
    bytes,
  }));
  const waitOf = ({ in: from, out }) => out === undefined ? undefined : out - from;
  const labelOf = (packet) => {
    const waited = waitOf(packet);
    if (waited === undefined) return `${packet.what}, did not leave`;
    return waited < FEW_MICROSECONDS ? packet.what : `${packet.what}, held ${milliseconds(waited)}`;
  };

  /** What a packet holds, with a link to its moment. */
  function detailsOf(packet, hash) {
    const waited = waitOf(packet);
    const facts = [
      `${packet.from} > ${packet.to}`,
      packet.what,
      `${packet.length} bytes`,
      `gate ${packet.queue}${packet.number > 0 ? `, number ${packet.number}` : ""}`,
      `came in at ${moment(packet.in)}`,
      waited === undefined ? "was not seen to leave" : `left at ${moment(packet.out)}, after ${milliseconds(waited)}`,
    ];
    const bytes = packet.bytes.match(/.{1,32}/g) ?? [];
    const lines = bytes.map((row, index) =>
      `${(index * 16).toString(16).padStart(4, "0")}  ${row.match(/../g).join(" ")}`
    );
    const heading = Object.assign(document.createElement("p"), { textContent: facts.join(" · ") });
    const link = Object.assign(document.createElement("a"), { href: hash, textContent: "link to this moment" });
    heading.append(" · ", link);
    const dump = Object.assign(document.createElement("pre"), { textContent: lines.join("\n") });
    return [heading, dump];
  }

  /** The packets as a table, as far as there is room. */
  function tableOf(shown) {
    const made = document.createElement("table");
    const row = (name, texts) => {
      const line = document.createElement("tr");
      line.append(...texts.map((content) => Object.assign(document.createElement(name), { textContent: content })));
      return line;
    };
    made.append(row("th", ["Came in", "Gate", "Number", "From", "To", "What", "Bytes", "Waited"]));
    for (const packet of shown.slice(0, TABLE_MOST)) {
      const waited = waitOf(packet);
      const { queue, number, from, to, what, length } = packet;
      const waits = waited === undefined ? "did not leave" : milliseconds(waited);
      made.append(row("td", [moment(packet.in), queue, number || "", from, to, what, length, waits]));
    }
    const rest = shown.length - TABLE_MOST;
    const more = Object.assign(document.createElement("p"), { textContent: rest > 0 ? `and ${rest} more` : "" });
    return [made, more];
  }

  return { all, detailsOf, labelOf, moment, tableOf, waitOf };
})();
