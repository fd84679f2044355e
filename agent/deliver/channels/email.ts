import { readFile } from 'node:fs/promises';
import { createTransport } from 'nodemailer';
import type { DestinationOf } from '../../../config/destinations.js';
import { CalcidiscError } from '../../domain/errors.js';
import { type Channel, type Item, type Outcome, oneByOne } from '../channel.js';
import { secretIn } from '../http.js';
import { type News, newsOfResult } from '../news.js';

type EmailDestination = DestinationOf<'email'>;

/** SMTP (RFC 5321): no name, no birth date, no patient ID in it; its Message-ID is the same for a repetition. */
export const email: Channel<EmailDestination> = {
  compose: async (told, { events }) => itemOf(newsOfResult(told, events)),
  composeNews: async (news) => itemOf(news),
  send: (items, destination, { signal }) =>
    oneByOne(items, signal, (item) => sendOne(item, destination, signal)),
  describe: ({ host, port }) => ({ smtp: `${host}:${port}` }),
};

/** First the subject, then an empty line, then the text. */
function itemOf({
  id,
  event,
  urgency,
  said,
  accessionNumber,
  caseId,
  revision,
  studyInstanceUid,
}: News): Item {
  const subject = [
    'Calcidisc',
    ...(urgency === 'routine' ? [] : [urgency.toUpperCase()]),
    SUBJECTS[event],
    ...(accessionNumber ? [`accession ${accessionNumber}`] : caseId ? [`case ${caseId.slice(0, 8)}`] : []),
  ].join(': ');
  const text = [
    ...said,
    '',
    ...(caseId ? [`Case ${caseId}, revision ${revision}`, `Study ${studyInstanceUid}`] : []),
    ...(accessionNumber ? [`Accession number ${accessionNumber}`] : []),
  ].join('\n');
  return { form: 'mail', bytes: Buffer.from(`${subject}\n\n${text}\n`, 'utf8'), id };
}

const SUBJECTS: Readonly<Record<News['event'], string>> = {
  flagged: 'calcification flagged (research)',
  uncertain: 'uncertain, a person is needed (research)',
  parked: 'a case waits for a person',
  alarm: 'alarm',
  withdrawn: 'a result was withdrawn',
};

async function sendOne(
  { bytes, id }: Item,
  destination: EmailDestination,
  signal?: AbortSignal,
): Promise<Outcome> {
  const [subject = '', , ...lines] = Buffer.from(bytes).toString('utf8').split('\n');
  let stop: (() => void) | undefined;
  try {
    const transport = createTransport(await optionsOf(destination));
    stop = () => transport.close();
    signal?.addEventListener('abort', stop, { once: true });
    const { response } = await transport.sendMail({
      from: destination.from,
      to: [...destination.to],
      subject,
      text: lines.join('\n'),
      messageId: `<${id}@calcidisc>`,
    });
    return { kind: 'stored', answer: response.slice(0, 3), isWarning: false };
  } catch (thrown) {
    return outcomeOfError(destination.name, thrown as SmtpError);
  } finally {
    if (stop) signal?.removeEventListener('abort', stop);
  }
}

async function optionsOf(destination: EmailDestination) {
  const { host, port, security, caFile, user, passwordFile, timeoutMs } = destination;
  const ca = caFile ? { ca: await readFile(caFile, 'utf8') } : {};
  const pass = passwordFile ? await secretIn(passwordFile) : '';
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    tls: ca,
    ...(user ? { auth: { user, pass } } : {}),
  };
}

interface SmtpError extends Error {
  readonly code?: string;
  /** Of SMTP, three digits. */
  readonly responseCode?: number;
  readonly command?: string;
}

/** What a server says before it comes to the mail (password, TLS) says nothing of the mail. */
const BEFORE_THE_MAIL = new Set(['EAUTH', 'ETLS']);

/** 4yz passes, 5yz does not (RFC 5321 4.2.1). */
function outcomeOfError(name: string, error: SmtpError): Outcome {
  const { code, responseCode, command } = error;
  if (responseCode === undefined || BEFORE_THE_MAIL.has(code ?? ''))
    return {
      kind: 'failed',
      answer: responseCode === undefined ? null : String(responseCode),
      error: new CalcidiscError('DESTINATION_UNREACHABLE', `${name}: ${error.message}`),
    };
  const words = `${name} answered ${responseCode} to ${command ?? 'the mail'}`;
  const isForGood = responseCode >= 500;
  const failure = new CalcidiscError(isForGood ? 'DESTINATION_REFUSED' : 'DESTINATION_BUSY', words);
  return { kind: 'failed', answer: String(responseCode), error: failure };
}
