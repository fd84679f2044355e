import type { Config } from '../../config/schema.js';
import type { Database } from '../../db/server/database.js';
import { listRefusingDestinations, listWaitingForClassifier } from '../../db/views/conditions.js';
import type { Queues } from '../../db/work/queue.js';
import { within } from '../domain/within.js';

/** What has to hold for a study that arrives now to come out as a report, and how a page says that it does not. */
export const CONDITIONS = {
  database: 'The database does not answer',
  queue: 'The queue does not answer',
  receiving: 'Images are refused (A700)',
  certificate: 'Senders that check our certificate turn away',
  classifier: 'No classifier can work',
  destinations: 'A destination refuses reports for good',
} as const;

export type ConditionName = keyof typeof CONDITIONS;

export interface Condition {
  readonly what: ConditionName;
  readonly ok: boolean;
  /** Why it does not hold, and what mends it; null when it does. */
  readonly reason: string | null;
}

export interface ConditionParts {
  readonly config: Pick<Config, 'route'>;
  readonly database: Pick<Database, 'knex'>;
  readonly queues: Pick<Queues, 'depth'>;
  /** Why objects are refused now; null when they are taken. Absent: this process receives none. */
  readonly refusal?: () => string | null;
  /** Why our certificate (dicom.tls) is not in force now; null when it is. Absent: this process shows none. */
  readonly certificate?: () => string | null;
  /** Why this process's worker cannot classify; null when it can. Absent: workers run elsewhere. */
  readonly worker?: () => Promise<string | null>;
}

const ANSWER_MS = 3_000;

/** Each looked at for itself: one that hangs hides nothing of the others. */
export async function lookAtConditions(parts: ConditionParts): Promise<readonly Condition[]> {
  const looks: Record<ConditionName, () => Promise<string | null>> = {
    database: () => parts.database.knex.raw('SELECT 1').then(() => null),
    queue: () => parts.queues.depth().then(() => null),
    receiving: async () => parts.refusal?.() ?? null,
    certificate: async () => parts.certificate?.() ?? null,
    classifier: () => classifierProblem(parts),
    destinations: () => destinationProblem(parts),
  };
  return Promise.all(
    (Object.keys(looks) as ConditionName[]).map(async (what) => {
      const reason = await within(ANSWER_MS, looks[what]()).catch((error: Error) => error.message);
      return { what, ok: reason === null, reason };
    }),
  );
}

async function classifierProblem({ database, worker }: ConditionParts): Promise<string | null> {
  const own = await worker?.();
  if (own) return own;
  const [waiting] = await listWaitingForClassifier(database.knex);
  return waiting ? `${waiting.cases} cases wait for ${waiting.waitingFor}` : null;
}

async function destinationProblem({ config, database }: ConditionParts): Promise<string | null> {
  const names = config.route.destinations.map(({ name }) => name);
  if (names.length === 0) return null;
  const refusing = await listRefusingDestinations(database.knex, names);
  if (refusing.length === 0) return null;
  return refusing
    .map(({ destination, reports, lastError }) => `${destination}: ${reports} refused, ${lastError}`)
    .join('; ');
}
