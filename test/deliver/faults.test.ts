import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../config/root.js';
import { useDatabase } from '../support/database.js';
import { fhirServer } from '../support/fhirServer.js';
import { httpServer } from '../support/httpServer.js';
import { needsPeer } from '../support/peers.js';
import { smtpSink } from '../support/smtpSink.js';
import { answeringScp } from './answeringScp.js';
import { badLine, type LineFault } from './badLine.js';
import { channelCase, type DestinationInput, testFolder } from './channelRig.js';
import { gate } from './gate.js';
import { hl7Receiver } from './hl7Receiver.js';

type Channel = NonNullable<DestinationInput['channel']>;
/** What a receiver does with one call. */
type Word = 'takes it' | 'says nothing' | 'breaks off' | 'is busy' | 'refuses';

/** A receiver of that channel, and how many different results it was brought, by what they are known by. */
interface Receiver {
  readonly port: number;
  brought(): number;
  close(): unknown;
}

const TIMEOUT_MS = 300;
const words = <Table extends Readonly<Record<Word, unknown>>>(table: Table, said: readonly Word[]) =>
  said.map((word): Table[Word] => table[word]);
const nth = <T>(list: readonly T[], count: number) => list[Math.min(count, list.length) - 1]!;
const HTTP = (busy: number, refused: number) =>
  ({
    'takes it': { status: 200 },
    'says nothing': 'hang',
    'breaks off': 'cut',
    'is busy': { status: busy },
    refuses: { status: refused },
  }) as const;

const RECEIVERS: Readonly<Record<Channel, (said: readonly Word[]) => Promise<Receiver>>> = {
  'c-store': async (said) => {
    const table = {
      'takes it': 0,
      'says nothing': null,
      'breaks off': null,
      'is busy': 0xa700,
      refuses: 0xa900,
    };
    const scp = await answeringScp(...words(table, said));
    return { ...scp, brought: () => new Set(scp.received).size };
  },
  'stow-rs': async (said) => {
    const server = await httpServer((_, count) => nth(words(HTTP(503, 400), said), count));
    const uids = () => server.requests.map(({ body }) => body.toString('latin1').match(/2\.25\.\d+/)![0]);
    return { port: portOf(server.url), brought: () => new Set(uids()).size, close: server.close };
  },
  hl7: async (said) => {
    const table = {
      'takes it': 'AA',
      'says nothing': 'hang',
      'breaks off': 'cut',
      'is busy': 'AR',
      refuses: 'AE',
    };
    const ris = await hl7Receiver(words(table, said));
    return { ...ris, brought: () => new Set(ris.messages.map(({ controlId }) => controlId)).size };
  },
  fhir: async (said) => {
    const table = {
      'takes it': null,
      'says nothing': 'hang',
      'breaks off': 'late',
      'is busy': 503,
      refuses: 422,
    } as const;
    const server = await fhirServer((count) => nth(words(table, said), count));
    return {
      port: portOf(server.url),
      brought: () => server.of('DiagnosticReport').length,
      close: server.close,
    };
  },
  webhook: async (said) => {
    const server = await httpServer((_, count) => nth(words(HTTP(503, 400), said), count));
    const keys = () => server.requests.map(({ headers }) => headers['idempotency-key']);
    return { port: portOf(server.url), brought: () => new Set(keys()).size, close: server.close };
  },
  email: async (said) => {
    const table = {
      'takes it': 250,
      'says nothing': 'hang',
      'breaks off': 'cut',
      'is busy': 451,
      refuses: 550,
    } as const;
    const sink = await smtpSink(words(table, said));
    return { ...sink, brought: () => sink.mails.length };
  },
};

const portOf = (url: string) => Number(new URL(url).port);

/** What is injected, and what comes of it by every channel. */
const FAULTS: readonly (readonly [what: string, said: readonly Word[], outcome: string, attempts: number])[] =
  [
    ['breaks off, then takes it', ['breaks off', 'takes it'], 'delivered', 2],
    ['says nothing, then takes it', ['says nothing', 'takes it'], 'delivered', 2],
    ['is busy five times, then takes it', [...Array(5).fill('is busy'), 'takes it'], 'delivered', 6],
    ['refuses', ['refuses', 'takes it'], 'parked', 1],
  ];

/** Bytes of a transfer after which its line dies: each in the middle of what the receiver is to have. */
const MIDDLE: Readonly<Record<Channel, number>> = {
  'c-store': 6_000,
  'stow-rs': 6_000,
  hl7: 600,
  fhir: 2_000,
  webhook: 500,
  email: 700,
};

/** The receiver is well; the line to it is not. */
const LINE_FAULTS: readonly (readonly [
  what: string,
  fault: (channel: Channel) => LineFault,
  outcome: string,
  attempts: number,
])[] = [
  [
    'dies in the middle of a transfer, then takes it',
    (channel) => ({ diesAfterBytes: MIDDLE[channel] }),
    'delivered',
    2,
  ],
  ['is down for a shortened week (25 attempts)', () => ({ callsDown: 25 }), 'delivered', 26],
  ['answers byte by byte', () => ({ drips: true }), 'delivered', 1],
];

describe('deliver: what goes wrong, by every channel', function () {
  this.timeout(90_000);
  const db = useDatabase();
  let folder: Awaited<ReturnType<typeof testFolder>>;
  let secretFile: string;
  before(async function () {
    needsPeer(this, 'hl7');
    folder = await testFolder();
    secretFile = await folder.file('secret', 'k');
  });
  after(() => folder?.remove());

  const destination = (channel: Channel, port: number, timeoutMs = TIMEOUT_MS): DestinationInput => {
    const [host, url] = ['127.0.0.1', `http://127.0.0.1:${port}`];
    const settings: Readonly<Record<Channel, object>> = {
      'c-store': { aeTitle: 'PACS', host, port, forms: ['sr'] },
      'stow-rs': { url, timeoutMs, forms: ['sr'] },
      hl7: { host, port, timeoutMs },
      fhir: { url, timeoutMs },
      webhook: { url, timeoutMs, secretFile },
      email: { host, port, timeoutMs, security: 'none', from: 'a@example.org', to: ['b@example.org'] },
    };
    return { name: channel, channel, ...settings[channel] } as DestinationInput;
  };
  const channels = Object.keys(RECEIVERS) as Channel[];

  for (const [what, said, outcome, attempts] of FAULTS)
    for (const channel of channels)
      it(`${channel}: ${what}: ${outcome} at attempt ${attempts}, once`, async () => {
        const receiver = await RECEIVERS[channel](said);
        try {
          const sent = await channelCase(db, [destination(channel, receiver.port)]);
          const end = await sent.untilSettled();
          assert.equal(typeof end === 'string' ? end : Object.keys(end)[0], outcome);
          assert.equal((await sent.deliveries())[0]!.attempts, attempts);
          // A person says: again.
          if (outcome === 'parked') assert.equal(await sent.untilSettled(), 'delivered');
          assert.equal(receiver.brought(), 1);
        } finally {
          await receiver.close();
        }
      });

  for (const [what, fault, outcome, attempts] of LINE_FAULTS)
    for (const channel of channels)
      it(`${channel}: ${what}: ${outcome} at attempt ${attempts}, once`, async () => {
        const receiver = await RECEIVERS[channel](['takes it']);
        const line = await badLine(receiver.port, fault(channel));
        try {
          const sent = await channelCase(db, [destination(channel, line.port, 10_000)]);
          assert.equal(await sent.untilSettled(), outcome);
          assert.equal((await sent.deliveries())[0]!.attempts, attempts);
          assert.equal(receiver.brought(), 1);
          assert.ok(line.calls() >= attempts);
        } finally {
          line.close();
          await receiver.close();
        }
      });

  it('one that is down for long holds up no other, and has it when it is back', async () => {
    const receivers = await Promise.all(channels.map((channel) => RECEIVERS[channel](['takes it'])));
    const doors = await Promise.all(receivers.map(({ port }) => gate(port)));
    try {
      for (const [down, channel] of channels.entries()) {
        const destinations = channels.map((each, i) =>
          destination(each, i === down ? doors[i]!.port : receivers[i]!.port, 10_000),
        );
        const before = receivers.map((each) => each.brought());
        const sent = await channelCase(db, destinations);
        assert.ok('retryAt' in Object(await sent.deliver()), channel);
        const states = (await sent.deliveries()).map(({ destination: name, state }) => [name, state]);
        assert.deepEqual(
          states.toSorted(),
          channels.map((each) => [each, each === channel ? 'pending' : 'stored']).toSorted(),
        );
        doors[down]!.open();
        assert.equal(await sent.untilSettled(), 'delivered');
        assert.deepEqual(
          receivers.map((each, i) => each.brought() - before[i]!),
          channels.map(() => 1),
        );
      }
    } finally {
      for (const door of doors) door.close();
      for (const receiver of receivers) await receiver.close();
    }
  });

  it('stands in docs/results.md as it is tried here', () => {
    const page = readFileSync(join(projectRoot, 'docs/results.md'), 'utf8');
    for (const [what, , outcome, attempts] of [...FAULTS, ...LINE_FAULTS])
      assert.match(
        page,
        new RegExp(`\\| ${what.replace(/[()]/g, '\\$&')} \\| ${outcome} at attempt ${attempts}`),
      );
  });
});
