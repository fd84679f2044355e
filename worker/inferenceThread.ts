import { readFile } from 'node:fs/promises';
import { asCalcidiscError, CalcidiscError, type ErrorCode } from '../agent/domain/errors.js';
import { sha256 } from '../agent/domain/hash.js';
import { REGION_PIXELS } from '../agent/domain/regionPicture.js';
import { openRegion, type RegionInput } from './region.js';
import {
  type BatchAnswer,
  type ClassifierSession,
  openSession,
  type Provider,
  type SessionOptions,
} from './session.js';

/**
 * One batch of one model: all that the thread needs to know, so that it can be restarted at any time. Regions are
 * opened here, next to the network: on the thread that answers DIMSE their pixels would only be work and garbage.
 */
export interface BatchTask extends SessionOptions {
  readonly modelPath: string;
  readonly modelSha256: string;
  /** None: the model is only loaded. */
  readonly regions: readonly RegionInput[];
}

/** Errors cross the thread's border as values: a clone of an error keeps no code. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
}

export interface BatchDone extends BatchAnswer {
  readonly provider: Provider;
  readonly fallback: string | null;
  /** Per region, why it was not opened; its answer means nothing then. */
  readonly refused: readonly (PlainError | null)[];
}

export type BatchReply = BatchDone | { readonly error: PlainError };

/** The active model, a few shadows, and the one that was active a moment ago. */
const MAX_SESSIONS = 4;
const sessions = new Map<string, Promise<ClassifierSession>>();

export default async function runBatch(task: BatchTask): Promise<BatchReply> {
  try {
    const session = await sessionOf(task);
    const { provider, fallback } = session;
    const { greys, refused } = await openRegions(task.regions);
    const answer = refused.length > 0 ? await session.run(greys, refused.length) : NO_ANSWER;
    return { ...answer, refused, provider, fallback };
  } catch (thrown) {
    return { error: plain(thrown) };
  }
}

const NO_ANSWER: BatchAnswer = {
  probabilities: new Float32Array(),
  cams: null,
  distances: null,
  milliseconds: 0,
};

/** Piscina gives a thread one batch at a time, so the next one may use the memory again. */
let memory = new Uint8Array(0);

/** A region that cannot be opened leaves its place black: the batch keeps its shape, the others their bits. */
async function openRegions(regions: readonly RegionInput[]) {
  const length = regions.length * REGION_PIXELS;
  if (memory.length < length) memory = new Uint8Array(length);
  const greys = memory.subarray(0, length).fill(0);
  const refused = await Promise.all(
    regions.map(async (region, i) => {
      try {
        greys.set(region instanceof Uint8Array ? region : await openRegion(region), i * REGION_PIXELS);
        return null;
      } catch (thrown) {
        return plain(thrown);
      }
    }),
  );
  return { greys, refused };
}

function plain(thrown: unknown): PlainError {
  const { code, message } = asCalcidiscError(thrown);
  return { code, message };
}

function sessionOf(task: BatchTask): Promise<ClassifierSession> {
  const key = `${task.modelSha256} ${task.provider} ${task.threads}`;
  const session = sessions.get(key) ?? load(task);
  sessions.delete(key);
  sessions.set(key, session);
  session.catch(() => sessions.delete(key));
  closeOldest();
  return session;
}

async function load(task: BatchTask): Promise<ClassifierSession> {
  const bytes = await readFile(task.modelPath).catch((cause: unknown) => {
    throw new CalcidiscError('MODEL_MISSING', `cannot read ${task.modelPath}: ${String(cause)}`);
  });
  const found = sha256(bytes);
  if (found !== task.modelSha256)
    throw new CalcidiscError(
      'MODEL_HASH_MISMATCH',
      `${task.modelPath} has SHA-256 ${found}, registered is ${task.modelSha256}`,
    );
  return openSession(bytes, task);
}

/** A Map keeps the order of insertion, and use inserts again: the first is the one unused for longest. */
function closeOldest(): void {
  for (const [key, session] of sessions) {
    if (sessions.size <= MAX_SESSIONS) return;
    sessions.delete(key);
    session.then((s) => s.close()).catch(() => undefined);
  }
}
