import type { Destination } from '../../../config/destinations.js';
import type { Channel } from '../channel.js';
import { cStore } from './cStore.js';

/** By what a destination's `channel` says in the configuration. */
const CHANNELS: {
  readonly [Name in Destination['channel']]: Channel<Extract<Destination, { readonly channel: Name }>>;
} = {
  'c-store': cStore,
};

export function channelOf({ channel }: Destination): Channel {
  // Each channel's type asks for its own kind of destination, which is the kind that names it.
  return CHANNELS[channel] as Channel;
}
