/** What is used of npm's `netlink`, whose own types lack it; both of its modules have this type. */
declare const parsers: {
  parseMessages(bytes: Uint8Array): { data: Uint8Array }[];
  parseTcMessage(bytes: Uint8Array): unknown;
};
export default parsers;
