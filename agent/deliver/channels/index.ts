import type { Destination, DestinationOf } from '../../../config/destinations.js';
import type { Channel } from '../channel.js';
import { cStore } from './cStore.js';
import { email } from './email.js';
import { fhir } from './fhir.js';
import { hl7 } from './hl7.js';
import { stowRs } from './stowRs.js';
import { webhook } from './webhook.js';

/** By what a destination's `channel` says in the configuration. */
const CHANNELS: { readonly [Name in Destination['channel']]: Channel<DestinationOf<Name>> } = {
  'c-store': cStore,
  'stow-rs': stowRs,
  hl7,
  fhir,
  webhook,
  email,
};

export function channelOf({ channel }: Destination): Channel {
  // Each channel's type asks for its own kind of destination, which is the kind that names it.
  return CHANNELS[channel] as Channel;
}
