import { LEVELS, type Level } from '../domain/levels.js';
import { resultOf, scoreOf, unstatedWords } from './answers.js';
import { type ResultCode, VALUE } from './codes.js';
import type { ReportInput } from './types.js';

/** What is known of one level: the flag a worklist shows. */
export interface LevelFinding {
  readonly level: Level;
  readonly result: ResultCode;
  /** 0..1; null when there is no score for this level. */
  readonly probability: number | null;
  /** Why a disc that was found has no finding; null where it has one, and for a level that was not found. */
  readonly unstated: string | null;
}

/** All five levels. A level that was not found, or that nobody is sure of, is indeterminate and carries no score. */
export function levelFindings({ localisation, discs }: ReportInput): LevelFinding[] {
  return LEVELS.map((level) => {
    const disc = localisation.status === 'located' ? discs.find((one) => one.level === level) : undefined;
    return {
      level,
      result: disc ? resultOf(disc) : VALUE.indeterminate,
      probability: disc ? scoreOf(disc) : null,
      unstated: disc ? unstatedWords(disc) : null,
    };
  });
}
