/** Addresses that begin with the same bits. */
export interface AddressPrefix {
  /** 4 bytes of IPv4 or 16 of IPv6, in network order; zero behind the bits that count. */
  address: Uint8Array;
  /** How many bits count: 1 to 32, or 1 to 128. */
  length: number;
}

/** Ports from the first to the last, which may be the same one; 1 to 65,535. */
export interface PortRange {
  /** The lowest. */
  first: number;
  /** The highest. */
  last: number;
}

/** What a flower filter compares, `TCA_FLOWER_KEY_*`; what is absent may be anything. `linux/pkt_cls.h` */
export interface FlowerKeys {
  /** The number of an IEEE 802.1Q VLAN, 0 to 4,095. */
  vlanId?: number;
  /** `ETH_P_*` of `linux/if_ether.h`; behind a VLAN tag, where one is asked for. */
  etherType?: number;
  /** `IPPROTO_*` of `linux/in.h` */
  ipProtocol?: number;
  /** Needs the ether type of its family, as the other end does. */
  source?: AddressPrefix;
  /** As `source`. */
  destination?: AddressPrefix;
  /** Needs an IP protocol that has ports: 6, 17 or 132. */
  sourcePorts?: PortRange;
  /** As `sourcePorts`. */
  destinationPorts?: PortRange;
  /** Bits of the TCP header: those looked at, and those of them that must be set. */
  tcpFlags?: { set: number; mask: number };
  /** Whether a filter that was read compares something else too. */
  others?: true;
}
