import { LEVELS, type Level } from '../../agent/domain/levels.js';
import type { PictureFigures } from '../../agent/domain/pictureFigures.js';
import { bodyOf, picturesOf, type SeededBody } from './bodies.js';
import { type Chance, oneOf, openChance } from './chance.js';
import { SEED_DAYS, SEED_DRIFT, SEED_SCANNERS, type SeedScanner } from './truth.js';

export interface SeededDisc {
  readonly level: Level;
  readonly isCalcified: boolean;
  /** Of each model, the deciding one first. */
  readonly probabilities: readonly number[];
  readonly isUnstated: boolean;
  readonly distance: number;
  readonly confidence: number;
}

/** One study as it was invented: everything the tables will say of it. */
export interface SeededStudy {
  readonly number: number;
  /** From the first day, 0 to SEED_DAYS - 1. */
  readonly day: number;
  readonly secondOfDay: number;
  readonly scanner: SeedScanner;
  readonly sex: 'F' | 'M';
  readonly age: number;
  readonly body: SeededBody;
  readonly pictures: PictureFigures;
  readonly discs: readonly SeededDisc[];
  readonly isUncertain: boolean;
  /** CT minus MR, days; null without a CT. */
  readonly ctAfterDays: number | null;
  readonly end: 'delivered' | 'parked' | 'closed';
  readonly secondsToReport: number;
  /** The first study of the same patient, where this is a later one. */
  readonly first: SeededStudy | null;
}

/** How often the CT finds calcification, by level; age moves it. */
const PREVALENCE: Readonly<Record<Level, number>> = {
  'L1-L2': 0.04,
  'L2-L3': 0.06,
  'L3-L4': 0.09,
  'L4-L5': 0.16,
  'L5-S1': 0.18,
};

const CALCIFIED_LOGIT = 2;
const PLAIN_LOGIT = -2.4;
/** Spread of the logit: what the models share of a disc, what is a patient's own, and each model's own. */
const SPREAD = { disc: 1, patient: 0.5, model: 0.6 } as const;
const WEEKEND_SHARE = 0.15;

export interface SeedSettings {
  readonly studies: number;
  readonly seed: number;
  readonly models: number;
}

/** The same settings, the same studies; in the order of their days. */
export function inventStudies({ studies, seed, models }: SeedSettings): SeededStudy[] {
  const chance = openChance(seed);
  const days = Array.from({ length: studies }, () => dayOf(chance)).sort((a, b) => a - b);
  return withFollowUps(days.map((day, number) => inventStudy(chance, { number, day, models, seed })));
}

/** One in so many is looked for an earlier study that may be the same patient's: some months before, among so many. */
const FOLLOW_UP = { every: 9, share: 0.28, among: 250 } as const;

/** Calcification stays: an earlier study fits when all that is calcified there is so now, of one sex and age. */
function withFollowUps(studies: readonly SeededStudy[]): SeededStudy[] {
  const taken = new Set<number>();
  const whole: SeededStudy[] = [];
  for (const study of studies) {
    const from = study.number - Math.floor(FOLLOW_UP.share * studies.length);
    const earlier =
      study.number % FOLLOW_UP.every === 0
        ? whole.slice(Math.max(0, from - FOLLOW_UP.among), Math.max(0, from))
        : [];
    const before = earlier.find((each) => !taken.has(each.number) && isFollowedBy(each, study));
    if (before) taken.add(before.number);
    whole.push(before ? { ...study, first: before.first ?? before } : study);
  }
  return whole;
}

function isFollowedBy(before: SeededStudy, after: SeededStudy): boolean {
  const isOfAge =
    after.age - (before.first ?? before).age ===
    Math.round((after.day - (before.first ?? before).day) / 365.25);
  const stays = before.discs.every(({ isCalcified }, i) => !isCalcified || after.discs[i]!.isCalcified);
  return (
    before.sex === after.sex && isOfAge && stays && before.end === 'delivered' && after.end === 'delivered'
  );
}

interface StudyOf {
  readonly number: number;
  readonly day: number;
  readonly models: number;
  readonly seed: number;
}

function inventStudy(chance: Chance, { number, day, models, seed }: StudyOf): SeededStudy {
  const scanner = scannerOn(chance, day);
  const age = Math.round(Math.min(92, Math.max(18, chance.normal(55, 15))));
  const patient = chance.normal(0, SPREAD.patient);
  const isDrifted = scanner.station === SEED_DRIFT.station && day >= SEED_DRIFT.day;
  const end = chance.pick({ delivered: 0.965, parked: 0.02, closed: 0.015 });
  const secondOfDay = Math.floor(7 * 3600 + 12 * 3600 * chance.share());
  const sex = chance.share() < 0.53 ? 'F' : 'M';
  return {
    number,
    day,
    secondOfDay,
    scanner,
    sex,
    age,
    body: bodyOf(seed, number, sex),
    pictures: picturesOf(seed, number, day, scanner),
    discs: LEVELS.map((level) => inventDisc(chance, { level, scanner, age, patient, isDrifted, models })),
    isUncertain: chance.share() < scanner.uncertain,
    ctAfterDays: chance.share() < 0.4 ? Math.floor(57 * chance.share()) - 28 : null,
    end,
    secondsToReport: Math.round(Math.exp(chance.normal(3.4, 0.5))),
    first: null,
  };
}

interface DiscOf {
  readonly level: Level;
  readonly scanner: SeedScanner;
  readonly age: number;
  readonly patient: number;
  readonly isDrifted: boolean;
  readonly models: number;
}

function inventDisc(chance: Chance, { level, scanner, age, patient, isDrifted, models }: DiscOf): SeededDisc {
  const isCalcified = chance.share() < PREVALENCE[level] * (0.4 + age / 92);
  const middle = (CALCIFIED_LOGIT + PLAIN_LOGIT) / 2;
  const away = (isCalcified ? CALCIFIED_LOGIT : PLAIN_LOGIT) - middle;
  const shared = middle + away * scanner.separation + patient + chance.normal(0, SPREAD.disc);
  const probabilities = Array.from({ length: models }, (_, model) => {
    const shift = isDrifted ? (model === 0 ? SEED_DRIFT.active : SEED_DRIFT.shadow) : 0;
    return 1 / (1 + Math.exp(-(shared + shift + chance.normal(0, SPREAD.model))));
  });
  return {
    level,
    isCalcified,
    probabilities,
    isUnstated: chance.share() < scanner.unstated,
    distance: Math.exp(chance.normal(0, 0.25)) * (isDrifted ? SEED_DRIFT.distance : 1),
    confidence: Math.min(1, Math.max(0.3, chance.normal(0.93 - 0.1 * (1 - scanner.separation), 0.04))),
  };
}

/** Fewer at the weekend: days 5 and 6 of every seven. */
function dayOf(chance: Chance): number {
  for (;;) {
    const day = Math.floor(SEED_DAYS * chance.share());
    if (day % 7 < 5 || chance.share() < WEEKEND_SHARE) return day;
  }
}

function scannerOn(chance: Chance, day: number): SeedScanner {
  const there = SEED_SCANNERS.filter(({ from }) => from <= day);
  return oneOf(there, ({ share }) => share, chance.share());
}
