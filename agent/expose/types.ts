import type { Logger } from '../../config/log.js';
import type { Config } from '../../config/schema.js';
import type { ConditionParts } from './conditions.js';

export interface HttpParts extends ConditionParts {
  readonly config: Pick<Config, 'dataDir' | 'http' | 'report' | 'route'>;
  readonly log: Logger;
  /** Where this process listens for DICOM. */
  readonly dicomPort?: number;
}
