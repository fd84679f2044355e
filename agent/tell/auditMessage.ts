import { hostname } from 'node:os';
import type { AuditRow } from '../../db/tables/audit.js';

/** What a participating object is, by what the trail calls it: PS3.15 A.5, CID 404 and RFC 3881 5.5.4. */
const OBJECTS: Readonly<
  Record<string, { type: string; role: string; code: string; system: string; words: string }>
> = {
  study: { type: '2', role: '3', code: '110180', system: 'DCM', words: 'Study Instance UID' },
  report: { type: '2', role: '3', code: '9', system: 'RFC-3881', words: 'Report Number' },
  account: { type: '1', role: '6', code: '11', system: 'RFC-3881', words: 'User Identifier' },
};
/** Report number, of a system object: ours are ids and UIDs of many kinds. */
const OTHER = { type: '2', role: '3', code: '99', system: '99CALCIDISC', words: 'Identifier' };

/**
 * One row of the trail as an audit message (PS3.15 A.5.1): elements and attributes in the schema's order. It holds what the
 * row holds, ids and UIDs and no patient's name; place and hash in the chain go with it, so that who keeps the messages can
 * tell a trail that was rewritten.
 */
export function auditMessage(row: AuditRow, siteId?: string): string {
  const { at, action, outcome, event, eventCode, eventMeaning, actor, subjectId, subjectType, detail } = row;
  const object = OBJECTS[subjectType] ?? { ...OTHER, words: subjectType };
  const isPerson = /^(user|launch|oidc|reader):/.test(actor);
  const address = typeof detail.from === 'string' ? detail.from : null;
  const source = `calcidisc@${hostname()}`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?><AuditMessage>',
    `<EventIdentification EventActionCode="${action}" EventDateTime="${at.toISOString()}" EventOutcomeIndicator="${outcome}">`,
    coded('EventID', eventCode, 'DCM', eventMeaning),
    coded('EventTypeCode', event, '99CALCIDISC', event),
    '</EventIdentification>',
    `<ActiveParticipant UserID="${xml(actor)}" UserIsRequestor="${isPerson || actor.startsWith('token:')}"${
      address === null
        ? ''
        : ` NetworkAccessPointID="${xml(address)}" NetworkAccessPointTypeCode="${/^[\d.:a-fA-F]+$/.test(address) ? 2 : 1}"`
    }/>`,
    ...(actor.startsWith('process:')
      ? []
      : [`<ActiveParticipant UserID="${xml(source)}" UserIsRequestor="false"/>`]),
    `<AuditSourceIdentification${siteId ? ` AuditEnterpriseSiteID="${xml(siteId)}"` : ''} AuditSourceID="${xml(source)}">`,
    coded('AuditSourceTypeCode', '4', 'DCM', 'Application Server Process'),
    '</AuditSourceIdentification>',
    `<ParticipantObjectIdentification ParticipantObjectID="${xml(subjectId)}" ParticipantObjectTypeCode="${object.type}" ParticipantObjectTypeCodeRole="${object.role}">`,
    coded('ParticipantObjectIDTypeCode', object.code, object.system, object.words),
    `<ParticipantObjectName>${xml(subjectType)}</ParticipantObjectName>`,
    valued('detail', JSON.stringify(detail)),
    valued('seq', String(row.seq)),
    valued('hash', row.hash),
    '</ParticipantObjectIdentification></AuditMessage>',
  ].join('');
}

function coded(element: string, code: string, system: string, words: string): string {
  return `<${element} csd-code="${xml(code)}" codeSystemName="${xml(system)}" originalText="${xml(words)}"/>`;
}

function valued(type: string, value: string): string {
  return `<ParticipantObjectDetail type="${type}" value="${Buffer.from(value).toString('base64')}"/>`;
}

/** What XML 1.0 has no sign for is left out. */
function xml(text: string): string {
  return [...text]
    .filter((sign) => sign >= ' ' || sign === '\t')
    .join('')
    .replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Facility 10, security and authorization; notice, or warning where it went wrong (RFC 5424 6.2.1). */
const FACILITY = 10;
const BOM = '\u{feff}';

/** As one line of syslog (RFC 5424, PS3.15 A.6), framed by its length (RFC 5425 4.3). */
export function syslogFrame(row: AuditRow, siteId?: string): Buffer {
  const severity = row.outcome === 0 ? 5 : 4;
  const head = `<${FACILITY * 8 + severity}>1 ${row.at.toISOString()} ${printable(hostname())} calcidisc ${process.pid} DICOM+RFC3881 -`;
  const line = Buffer.from(`${head} ${BOM}${auditMessage(row, siteId)}`);
  return Buffer.concat([Buffer.from(`${line.length} `), line]);
}

function printable(text: string): string {
  return text.replace(/[^!-~]/g, '').slice(0, 255) || '-';
}
