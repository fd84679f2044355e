import { BlockList, isIP } from 'node:net';

/** Whether an address, as Node names a socket's peer, lies in one of the networks (CIDR or single addresses). */
export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const plain = withoutMapping(address);
  const family = isIP(plain);
  return family !== 0 && listOf(networks).check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

/** A socket that listens on IPv6 names IPv4 peers ::ffff:10.0.0.1 (RFC 4291 2.5.5.2). */
function withoutMapping(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address;
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address, prefix] = network.split('/') as [string, string | undefined];
    const isV4 = isIP(address) === 4;
    list.addSubnet(address, Number(prefix ?? (isV4 ? 32 : 128)), isV4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
