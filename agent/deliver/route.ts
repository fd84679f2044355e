import { type Destination, eventsOf, formsOf } from '../../config/destinations.js';
import type { Config } from '../../config/schema.js';
import type { Route, Send } from '../../db/tables/results.js';
import { eventsIn } from './news.js';
import type { OutcomeFacts } from './outcome.js';

/** Where a result goes: to every destination that wants to hear of it, in the forms of its setting. */
export function routeOf({ route }: Pick<Config, 'route'>, facts: OutcomeFacts): Route {
  const sends = route.destinations.flatMap((each) => (wants(each, facts) ? [sendTo(each)] : []));
  return { mode: 'live', rule: null, urgency: 'routine', sends, why: null };
}

/** One that hears of some events only hears of a result that is one of them. */
function wants(destination: Destination, facts: OutcomeFacts): boolean {
  const events = eventsOf(destination);
  return events === null || eventsIn(facts).some((each) => events.includes(each));
}

function sendTo(destination: Destination): Send {
  return { destination: destination.name, forms: formsOf(destination) };
}
