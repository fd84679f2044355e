import type { Channel, Destination } from '../channel.js';
import { cStore } from './cStore.js';

/** By what a destination's `channel` says in the configuration. */
export const CHANNELS: {
  readonly [Name in Destination['channel']]: Channel<Extract<Destination, { readonly channel: Name }>>;
} = {
  'c-store': cStore,
};
