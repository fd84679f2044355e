import * as initial from './0001_initial.js';
import * as audit from './0002_audit.js';

/** In order, for ever: a released migration is never changed, renamed or taken out. */
export const migrations = [
  { name: '0001_initial', ...initial },
  { name: '0002_audit', ...audit },
] as const;
