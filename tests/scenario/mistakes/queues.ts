import { DEVICE, NAME, SIZE } from "./expected.ts";
import { type Cases, withTop } from "../marked.ts";

/** Mistakes in gates and plugs. */
export const QUEUE_MISTAKES: Cases = [
  [withTop("gates: ‸web"), "gates must be a mapping", "{ web: { dev: lo, direction: egress } }"],
  [withTop("plugs: ‸up"), "plugs must be a mapping", "{ up: { dev: eth0 } }"],
  [
    withTop("gates: { ‸elevenbytes: { dev: lo, direction: egress } }"),
    'the gate is "elevenbytes"',
    "a gate's name: 1 to 10 letters, no space, /, : or %",
  ],
  [
    withTop("gates: { ‸äöüßäö: { dev: lo, direction: egress } }"),
    'the gate is "äöüßäö"',
    "a gate's name: 1 to 10 letters, no space, /, : or %",
  ],
  [withTop("gates: { web: ‸lo }"), 'web is "lo"', "a mapping: { dev: lo, direction: egress, match: tcp dst port 80 }"],
  [
    withTop("gates: { web: ‸{ dev: lo } }"),
    "web has no direction",
    "in (ingress) for packets that come in, out (egress) for those that leave, or both",
  ],
  [withTop("gates: { web: ‸{ direction: egress } }"), "web has no dev", `${DEVICE}; or a list of them`],
  [withTop("gates: { web: { dev: ‸[], direction: egress } }"), "dev is an empty list", `${DEVICE}; or a list of them`],
  [withTop("gates: { web: { dev: [lo, ‸a b], direction: egress } }"), 'dev[2] is "a b"', DEVICE],
  [
    withTop("gates: { web: ‸{ dev: [lo, lo], direction: egress } }"),
    "gate web cannot be: a gate's devices are lo, lo, must be one or several, each once",
    "something else",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: ‸up } }"),
    'direction is "up"',
    "in (ingress) for packets that come in, out (egress) for those that leave, or both",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, force: ‸yes } }"),
    'force is "yes"',
    "true: its packets may bypass filters that others have put behind it",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, with-arp: ‸no } }"),
    'with-arp is "no"',
    "true: hold ARP and neighbour discovery, too, of a gate without a match",
  ],
  [
    withTop("gates: { web: ‸{ dev: lo, direction: egress, match: tcp, with-arp: true } }"),
    "gate web cannot be: a gate with a match holds what that says: withArp (--with-arp) is for one without",
    "something else",
  ],
  [withTop("gates: { web: { dev: lo, direction: egress, limit: ‸0 } }"), "limit is 0", SIZE],
  [withTop("gates: { web: { dev: lo, direction: egress, limit: ‸4g } }"), 'limit is "4g"', SIZE],
  [withTop("gates: { web: { dev: lo, direction: egress, limit: ‸[1] } }"), "limit is a list", SIZE],
  [
    withTop("gates: { web: { dev: lo, direction: egress, every: ‸1 } }"),
    "every is 1",
    "N, from 2 to 65535: only every Nth of the matching packets",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, probability: ‸5 percent } }"),
    'probability is "5 percent"',
    "a part of the matching packets, chosen at random: 5%, or 0.05",
  ],
  [
    withTop("gates: { web: ‸{ dev: lo, direction: egress, probability: 150% } }"),
    "gate web cannot be: probability is 1.5, must be from 0.000015 to below 1",
    "something else",
  ],
  [
    withTop("gates: { web: ‸{ dev: lo, direction: egress, every: 2, probability: 5% } }"),
    "gate web cannot be: a gate takes every or probability, not both",
    "something else",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, priority: ‸0 } }"),
    "priority is 0",
    "a whole number from 1 to 65535",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, priority: ‸1.5 } }"),
    "priority is 1.5",
    "a whole number from 1 to 65535",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, ‸matches: x } }"),
    'unknown key "matches"',
    "one of host, dev, direction, match, except, first, with-arp, every, probability, limit, priority, force",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, match: ‸{} } }"),
    "match is a mapping",
    "an expression such as tcp dst port 80, or a list of alternatives",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, match: tcp dst ‸prt 80 } }"),
    '"prt" in the match',
    "host, net, port or portrange",
  ],
  [
    withTop('gates: { web: { dev: lo, direction: egress, match: "tcp dst port ‸99999" } }'),
    '"99999" in the match',
    "a port from 1 to 65535, a range of them (N-M), or a service's name",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, match: [udp, tcp dst‸] } }"),
    "the match ends",
    "host, net, port or portrange",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, except: ‸{} } }"),
    "except is a mapping",
    "an expression for packets that pass, such as arp, or a list of them",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, first: ‸{} } }"),
    "first is a mapping",
    "an expression for packets that leave first, such as fin, or a list of them",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, first: tcp dst ‸prt 80 } }"),
    '"prt" in what goes first',
    "host, net, port or portrange",
  ],
  [
    withTop("gates: { web: ‸{ dev: lo, direction: egress, match: tcp dst port 80, first: tcp } }"),
    "gate web cannot be: what goes first of a gate leaves nothing to go behind it: tcp",
    "something else",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, except: [arp, tcp dst ‸prt 80] } }"),
    '"prt" in the exception',
    "host, net, port or portrange",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress, match: tcp, except: ‸udp } }"),
    'no packet that the gate matches fits "udp"',
    "words that some of them fit",
  ],
  [
    withTop("gates: { web: ‸{ dev: lo, direction: egress, match: tcp dst port 80, except: tcp } }"),
    'gate web cannot be: the exceptions of a gate leave nothing of "tcp dst port 80" to hold: tcp',
    "something else",
  ],
  [
    withTop('vars: { p: x }\ngates: { web: { dev: lo, direction: egress, match: ‸"tcp dst port ${p}" } }'),
    '"x" in the match',
    "a port from 1 to 65535, a range of them (N-M), or a service's name",
  ],
  [withTop("gates: { web: { host: ‸a, dev: lo, direction: egress } }"), 'there is no host "a"', "one of here"],
  [
    withTop("hosts: { a: {} }\ngates: { web: ‸{ dev: lo, direction: egress } }"),
    "gate web names no host",
    "host: with one of hosts, or here",
  ],
  [
    withTop("hosts: { a: {} }\nplugs: { up: ‸{ dev: lo } }"),
    "plug up names no host",
    "host: with one of hosts, or here",
  ],
  [withTop("plugs: { ‸9: { dev: lo } }"), 'the plug is "9"', NAME],
  [withTop("plugs: { up: ‸eth0 }"), 'up is "eth0"', "a mapping: { dev: eth0, limit: 1MiB }"],
  [withTop("plugs: { up: ‸{} }"), "up has no dev", DEVICE],
  [withTop("plugs: { up: { dev: ‸[lo] } }"), "dev is a list", DEVICE],
  [withTop("plugs: { up: { dev: lo, parent: ‸x } }"), 'parent is "x"', "root, or a class, MAJOR:MINOR in hexadecimal"],
  [withTop("plugs: { up: { dev: lo, handle: ‸x } }"), 'handle is "x"', "a handle, MAJOR: in hexadecimal"],
  [
    withTop("plugs: { up: { dev: lo, handle: ‸'ffff:' } }"),
    'handle is "ffff:"',
    "a handle, MAJOR: in hexadecimal",
  ],
  [
    withTop("plugs: { up: { dev: lo, ‸match: udp } }"),
    'unknown key "match"',
    "one of host, dev, parent, handle, limit",
  ],
  [
    withTop("gates: { web: { dev: lo, direction: egress } }\nplugs: { ‸web: { dev: eth0 } }"),
    "web is a gate already",
    "another name",
  ],
];
