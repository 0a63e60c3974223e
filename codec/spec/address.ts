// Addresses of devices, and their labels. `linux/if_addr.h`, `linux/if_addrlabel.h`
import { attributes, bitsOf, layout, messages, names, oneOf, s32, type Space, string, u32, u8 } from "./table.ts";
import { address, AF } from "./value.ts";
import { RTN_SCOPE } from "./route.ts";

/** `IFA_F_*` */
const IFA_F = names("IFA_F_", {
  SECONDARY: 1,
  NODAD: 2,
  OPTIMISTIC: 4,
  DADFAILED: 8,
  HOMEADDRESS: 0x10,
  DEPRECATED: 0x20,
  TENTATIVE: 0x40,
  PERMANENT: 0x80,
  MANAGETEMPADDR: 0x100,
  NOPREFIXROUTE: 0x200,
  MCAUTOJOIN: 0x400,
  STABLE_PRIVACY: 0x800,
});
/** `IFAPROT_*` */
const IFAPROT = names("IFAPROT_", { UNSPEC: 0, KERNEL_LO: 1, KERNEL_RA: 2, KERNEL_LL: 3 });

/** `struct ifaddrmsg` */
const ifaddrmsg = layout("ifaddrmsg", "ifa_", {
  ifa_family: oneOf(u8, AF),
  ifa_prefixlen: ["prefixLength", u8],
  ifa_flags: bitsOf(u8, IFA_F),
  ifa_scope: oneOf(u8, RTN_SCOPE),
  ifa_index: ["ifindex", u32],
});

/** `struct ifa_cacheinfo` */
const ifa_cacheinfo = layout("ifa_cacheinfo", "", {
  ifa_prefered: u32,
  ifa_valid: u32,
  cstamp: u32,
  tstamp: u32,
});

const IFA: Space = attributes("IFA_", {
  ADDRESS: [1, address],
  LOCAL: [2, address],
  LABEL: [3, string],
  BROADCAST: [4, address],
  ANYCAST: [5, address],
  CACHEINFO: [6, ifa_cacheinfo],
  MULTICAST: [7, address],
  FLAGS: [8, bitsOf(u32, IFA_F)],
  RT_PRIORITY: [9, u32],
  TARGET_NETNSID: [10, s32],
  PROTO: [11, oneOf(u8, IFAPROT)],
});

/** `struct ifaddrlblmsg` */
const ifaddrlblmsg = layout("ifaddrlblmsg", "ifal_", {
  ifal_family: oneOf(u8, AF),
  __ifal_reserved: u8,
  ifal_prefixlen: ["prefixLength", u8],
  ifal_flags: u8,
  ifal_index: ["ifindex", u32],
  ifal_seq: u32,
});
const IFAL: Space = attributes("IFAL_", {
  ADDRESS: [1, address],
  LABEL: [2, u32],
});

export const ADDRESS_MESSAGES = {
  ...messages("ADDR", 20, { body: ifaddrmsg, space: IFA }),
  ...messages("MULTICAST", 56, { body: ifaddrmsg, space: IFA }),
  ...messages("ANYCAST", 60, { body: ifaddrmsg, space: IFA }),
  ...messages("ADDRLABEL", 72, { body: ifaddrlblmsg, space: IFAL }),
};
