import type { Config } from '../../../config/schema.js';
import type { Peer } from './outgoing.js';

/** Who is called, as the configuration names destinations and query sources. */
export interface CalledParty {
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string;
  readonly tls: boolean;
}

/** Called under our own title, with our certificate where it speaks TLS. */
export function peerOf(
  { host, port, aeTitle, tls }: CalledParty,
  { dicom }: { readonly dicom: Pick<Config['dicom'], 'aeTitle' | 'tls'> },
): Peer {
  return { host, port, calledAe: aeTitle, callingAe: dicom.aeTitle, tls: tls ? dicom.tls : undefined };
}
