import { parse } from '@marcbachmann/cel-js';
import { ConfigError } from '../../config/load.js';
import type { Config } from '../../config/schema.js';
import type { SeriesAttributes } from './attributes.js';

/** 'check': located to compare levels with the series that is read, never read itself. */
export type Role = 'mr' | 'ct' | 'check' | 'ignored';

export interface RoleDecision {
  readonly role: Role;
  /** Why, in words for the log, the audit trail and the page. */
  readonly reason: string;
}

export type DecideRole = (attributes: SeriesAttributes) => RoleDecision;

/** Compiles the three rules once. @throws ConfigError when a rule is no CEL expression. */
export function compileRules({
  mr,
  ct,
  check = 'false',
}: Pick<Config['route'], 'mr' | 'ct'> & Partial<Pick<Config['route'], 'check'>>): DecideRole {
  const isMr = compile('route.mr', mr);
  const isCt = compile('route.ct', ct);
  const isCheck = compile('route.check', check);
  return (attributes) => {
    if (attributes.localizer)
      return { role: 'ignored', reason: 'a localizer or a rendering, not a source image' };
    if (isMr(attributes)) return { role: 'mr', reason: `matches route.mr: ${describe(attributes)}` };
    if (isCt(attributes)) return { role: 'ct', reason: `matches route.ct: ${describe(attributes)}` };
    if (isCheck(attributes)) return { role: 'check', reason: `matches route.check: ${describe(attributes)}` };
    return { role: 'ignored', reason: `matches neither route.mr nor route.ct: ${describe(attributes)}` };
  };
}

function compile(key: string, expression: string): (attributes: SeriesAttributes) => boolean {
  try {
    const evaluate = parse(expression);
    return (attributes) => evaluate({ ...attributes, ImageType: [...attributes.ImageType] }) === true;
  } catch (cause) {
    throw new ConfigError(`${key} is no CEL expression: ${(cause as Error).message}`, { cause });
  }
}

function describe({ Modality, orientation, weighting, region }: SeriesAttributes): string {
  const parts = [
    Modality || 'no modality',
    orientation,
    weighting === 'NONE' ? '' : weighting,
    `region ${region}`,
  ];
  return parts.filter(Boolean).join(', ');
}
