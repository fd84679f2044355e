import { readFile } from 'node:fs/promises';
import { asCalcidiscError, CalcidiscError, type ErrorCode } from '../agent/dicom/errors.js';
import { sha256 } from './region.js';
import {
  type BatchAnswer,
  type ClassifierSession,
  openSession,
  type Provider,
  type SessionOptions,
} from './session.js';

/** One batch of one model: all that the thread needs to know, so that it can be restarted at any time. */
export interface BatchTask extends SessionOptions {
  readonly modelPath: string;
  readonly modelSha256: string;
  /** count * 224 * 224 grey values. */
  readonly greys: Uint8Array;
  readonly count: number;
}

export interface BatchDone extends BatchAnswer {
  readonly provider: Provider;
  readonly fallback: string | null;
}

/** Errors cross the thread's border as values: a clone of an error keeps no code. */
export type BatchReply =
  | BatchDone
  | { readonly error: { readonly code: ErrorCode; readonly message: string } };

/** The active model, a few shadows, and the one that was active a moment ago. */
const MAX_SESSIONS = 4;
const sessions = new Map<string, Promise<ClassifierSession>>();

export default async function runBatch(task: BatchTask): Promise<BatchReply> {
  try {
    const session = await sessionOf(task);
    const answer = await session.run(task.greys, task.count);
    return { ...answer, provider: session.provider, fallback: session.fallback };
  } catch (thrown) {
    const { code, message } = asCalcidiscError(thrown);
    return { error: { code, message } };
  }
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
