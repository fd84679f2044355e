import { createHmac } from 'node:crypto';
import type { DestinationOf } from '../../../config/destinations.js';
import { CalcidiscError } from '../../domain/errors.js';
import { type Channel, type Item, oneByOne } from '../channel.js';
import { outcomeOfStatus, post, secretIn } from '../http.js';
import { type News, newsOfResult } from '../news.js';

type WebhookDestination = DestinationOf<'webhook'>;

/** JSON by HTTP POST, signed: sha256 HMAC over the time, a dot and the body. */
export const webhook: Channel<WebhookDestination> = {
  compose: async (told, { events }) => itemOf(newsOfResult(told, events)),
  composeNews: async (news) => itemOf(news),
  send: (items, destination, { signal }) =>
    oneByOne(items, signal, async (item) => {
      const headers = await headersOf(item, destination);
      return outcomeOfStatus(destination.name, await post(destination, '', headers, item.bytes, signal));
    }),
  describe: ({ url }) => ({ url }),
};

function itemOf(news: News): Item {
  return { form: 'json', bytes: Buffer.from(JSON.stringify(news), 'utf8'), id: news.id };
}

/** The time is signed with the body, so that an old call cannot be played again as a new one. */
async function headersOf({ bytes, id }: Item, { name, secretFile }: WebhookDestination) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const secret = await secretIn(secretFile).catch((error: Error) => {
    throw new CalcidiscError('DESTINATION_UNREACHABLE', `${name}: ${error.message}`);
  });
  if (secret === '')
    throw new CalcidiscError('DESTINATION_UNREACHABLE', `${name}: the first line of ${secretFile} is empty`);
  const signature = createHmac('sha256', secret).update(`${timestamp}.`).update(bytes).digest('hex');
  return {
    'content-type': 'application/json',
    'x-calcidisc-timestamp': timestamp,
    'x-calcidisc-signature': `sha256=${signature}`,
    // The same for a repetition.
    'idempotency-key': id,
  };
}
