import type { Config } from './schema.js';

/** Where reports go. */
export type Destination = Config['route']['destinations'][number];

/** One that speaks DIMSE: it has an AE title and an address, may speak TLS and may be asked for commitment. */
export type DimseDestination = Extract<Destination, { readonly channel: 'c-store' }>;

export function isDimse(destination: Destination): destination is DimseDestination {
  return destination.channel === 'c-store';
}

export function dimseDestinations({
  destinations,
}: Pick<Config['route'], 'destinations'>): DimseDestination[] {
  return destinations.filter(isDimse);
}
