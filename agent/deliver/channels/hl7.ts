import { readFile } from 'node:fs/promises';
import type { DestinationOf } from '../../../config/destinations.js';
import { CalcidiscError } from '../../domain/errors.js';
import { buildOru, controlIdOf, type ResultStatus } from '../../report/hl7.js';
import { type OruTemplate, parseOruTemplate } from '../../report/oruTemplate.js';
import { type Channel, type Outcome, oneByOne } from '../channel.js';
import { exchange } from '../mllp.js';

type Hl7Destination = DestinationOf<'hl7'>;

/** HL7 v2.5.1 ORU^R01 over MLLP, in original acknowledgement mode. */
export const hl7: Channel<Hl7Destination> = {
  async compose({ input, urgency, withdrawn }, destination) {
    const status: { status?: ResultStatus } = withdrawn === null ? {} : { status: 'W' };
    const template = await templateOf(destination);
    const text = buildOru(input, destination, { ...status, urgency, ...(template ? { template } : {}) });
    return { form: 'oru', bytes: Buffer.from(text, 'utf8'), id: controlIdOf(input, status.status) };
  },
  send: (items, destination, { signal }) =>
    oneByOne(items, signal, async ({ bytes, id }) => {
      const isOurs = (answer: string) => fieldOf(answer, 'MSA', 2) === id;
      return outcomeOfAck(destination.name, await exchange(destination, bytes, isOurs, signal));
    }),
  describe: ({ host, port }) => ({ mllp: `${host}:${port}` }),
};

/** Read when it is needed: a template that was mended is taken without a restart. */
export async function templateOf({ templateFile }: Hl7Destination): Promise<OruTemplate | null> {
  if (!templateFile) return null;
  const text = await readFile(templateFile, 'utf8').catch((error: Error) => {
    throw new CalcidiscError('TEMPLATE_INVALID', `cannot read the template: ${error.message}`);
  });
  return parseOruTemplate(text, templateFile);
}

/** HL7 table 0357: rejections that another attempt does not mend (unsupported message, event, processing, version). */
const FOR_GOOD = new Set(['200', '201', '202', '203']);

/**
 * MSA-1 (HL7 2.9.2): AA, CA: taken. AE, CE: it cannot use what stands in the message. AR, CR: it does not take it for
 * reasons of its own, which may pass, unless ERR-3 says that it never takes such messages.
 */
export function outcomeOfAck(name: string, ack: string): Outcome {
  const answer = fieldOf(ack, 'MSA', 1);
  if (answer === 'AA' || answer === 'CA') return { kind: 'stored', answer, isWarning: false };
  const [code = '', words = ''] = fieldOf(ack, 'ERR', 3).split('^');
  const why = [code && `${code}${words && ` ${words}`}`, fieldOf(ack, 'ERR', 2)].filter(Boolean).join(' at ');
  const message = `${name} answered ${answer || 'without a code'}${why && `: ${why}`}`;
  const isForNow = (answer === 'AR' || answer === 'CR') && !FOR_GOOD.has(code);
  const error = new CalcidiscError(isForNow ? 'DESTINATION_BUSY' : 'DESTINATION_REFUSED', message);
  return { kind: 'failed', answer: answer || null, error };
}

function fieldOf(message: string, segment: string, field: number): string {
  const row = message.split(/[\r\n]+/).find((each) => each.startsWith(`${segment}|`));
  return row?.split('|')[field]?.trim() ?? '';
}
