/** Addresses that begin with the same bits. */
export interface AddressPrefix {
  /** 4 bytes of IPv4 or 16 of IPv6, in network order; zero behind the bits that count. */
  address: Uint8Array;
  /** How many bits count: 1 to 32, or 1 to 128. */
  length: number;
}
