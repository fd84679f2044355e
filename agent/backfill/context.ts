import type { Logger } from '../../config/log.js';
import type { Database } from '../../db/server/database.js';
import type { WebDoor } from '../dicom/web/door.js';
import { CalcidiscError } from '../domain/errors.js';
import type { PriorRule } from '../query/rule.js';
import type { QueryConfig, Source } from '../query/source.js';

export interface BackfillParts {
  readonly config: QueryConfig;
  readonly database: Pick<Database, 'knex'>;
  readonly log: Logger;
  /** Where what comes by DICOMweb goes in. */
  readonly door?: WebDoor;
  /** Why objects are refused now; null while they are taken. */
  refusal(): string | null;
}

export interface BackfillContext extends BackfillParts {
  readonly fits: PriorRule;
  readonly signal: AbortSignal;
}

/** @throws CalcidiscError DESTINATION_REFUSED for one that is no longer configured */
export function sourceNamed({ config }: Pick<BackfillContext, 'config'>, name: string): Source {
  const source = config.query.sources.find((each) => each.name === name);
  if (source) return source;
  throw new CalcidiscError('DESTINATION_REFUSED', `no source ${name} is configured (query.sources)`);
}
