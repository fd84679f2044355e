import { formsOf } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import type { Route } from '../../db/tables/results.js';

/** Where a result goes: to every destination, in the forms of its setting. */
export function routeOf({ route }: Pick<Config, 'route'>): Route {
  const sends = route.destinations.map((each) => ({ destination: each.name, forms: formsOf(each) }));
  return { mode: 'live', rule: null, urgency: 'routine', sends, why: null };
}
