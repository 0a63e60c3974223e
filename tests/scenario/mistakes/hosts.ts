import { NAME, NEW_DEVICE } from "./expected.ts";
import { type Cases, withTop } from "../marked.ts";

/** Mistakes in hosts and their cables. */
export const HOST_MISTAKES: Cases = [
  [
    withTop("hosts: ‸[a]"),
    "hosts must be a mapping",
    "{ client: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } } }",
  ],
  // Whoever uses its addresses is not blamed as well.
  [
    `name: x
hosts:
  a: { devices: { eth0: { to: b, address: ‸10.0.0.1 } } }
  b: { devices: { eth0: { to: a, address: 10.0.0.2/24 } } }
gates: { web: { host: a, dev: eth0, direction: in, match: "src host \${b.address} or \${a.eth0.address6}" } }
steps: [log: "\${a.address} \${b.eth0.address}"]
`,
    'address is "10.0.0.1"',
    "an address with its prefix length: 10.0.0.1/24, fd00::1/64",
  ],
  [withTop("hosts: { ‸9a: {} }"), 'the host is "9a"', NAME],
  [withTop("hosts: { ‸here: {} }"), "the host is called here", "another name"],
  [withTop("hosts: { a: ‸1 }"), "a is 1", "a host: { devices: { eth0: { to: server, address: 10.0.0.1/24 } } }"],
  [withTop("hosts: { a: { ‸device: {} } }"), 'unknown key "device"', "one of devices, routes, forward, env, cwd, user"],
  [withTop("hosts: { a: { netns: web, ‸forward: true } }"), 'unknown key "forward"', "one of netns, env, cwd, user"],
  [withTop("hosts: { a: { netns: ‸[] } }"), "netns is an empty list", "a text"],
  [withTop("hosts: { a: { netns: ‸'pid:x' } }"), 'netns is "pid:x"', "a name, a path, or pid: with a process's number"],
  [withTop("hosts: { a: { forward: ‸yes } }"), 'forward is "yes"', "true or false"],
  [
    withTop("hosts: { a: { devices: ‸eth0 } }"),
    'devices is "eth0"',
    "its devices: { eth0: { to: server, address: 10.0.0.1/24 } }",
  ],
  [withTop("hosts: { a: { devices: { ‸eth0/1: { to: a } } } }"), 'the key is "eth0/1"', NEW_DEVICE],
  [
    withTop("hosts: { a: { devices: { eth0: ‸b } } }"),
    'eth0 is "b"',
    "an end of a cable: { to: server, address: 10.0.0.1/24 }",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: ‸{ address: 10.0.0.1/24 } } } }"),
    "eth0 has no to",
    "the host at the other end: server, or with its device, server.eth0",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: ‸a b } } } }"),
    'to is "a b"',
    "the host at the other end: server, or with its device, server.eth0",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, ‸adress: x } } } }"),
    'unknown key "adress"',
    "one of to, address, mtu",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, address: ‸10.0.0.1 } } } }"),
    'address is "10.0.0.1"',
    "an address with its prefix length: 10.0.0.1/24, fd00::1/64",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, address: ‸10.0.0.1/33 } } } }"),
    'address is "10.0.0.1/33"',
    "an address with its prefix length: 10.0.0.1/24, fd00::1/64",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, address: [‸10.0.0.300/24] } } } }"),
    'address[1] is "10.0.0.300/24"',
    "an address with its prefix length: 10.0.0.1/24, fd00::1/64",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: a, address: ‸{} } } } }"),
    "address is a mapping",
    "an address with its prefix length, 10.0.0.1/24, or a list of them",
  ],
  [withTop("hosts: { a: { devices: { eth0: { to: a, mtu: ‸1 } } } }"), "mtu is 1", "a whole number from 68 to 65535"],
  [withTop("hosts: { a: { routes: ‸default } }"), 'routes is "default"', "routes: { default: 10.0.0.2 }"],
  [
    withTop("hosts: { a: { routes: { ‸10.0.0.1: 10.0.0.2 } } }"),
    'the key is "10.0.0.1"',
    "default, or an address with its prefix length: 10.1.0.0/16",
  ],
  [withTop("hosts: { a: { routes: { default: ‸x } } }"), 'default is "x"', "an IP address: 10.0.0.2, fd00::2"],
  [withTop("hosts: { a: { devices: { eth0: { to: ‸b } } } }"), "a eth0 leads to b, which is not a host", "one of a"],
  [
    withTop("hosts: { a: { devices: { eth0: { to: ‸b } } }, b: {} }"),
    "a eth0 leads to b, where no device leads back",
    "one there with to: a",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: ‸b } } }, b: { netns: x } }"),
    "a eth0 leads to b, which is there already",
    "a host that is made here",
  ],
  [
    withTop("hosts: { a: { devices: { eth0: { to: ‸b } } }, b: { devices: { eth0: { to: a }, eth1: { to: a } } } }"),
    "a eth0 leads to b, where 2 devices lead back",
    "HOST.DEVICE at both ends, such as to: b.eth0",
  ],
];
