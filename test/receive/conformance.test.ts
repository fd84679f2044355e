import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { planFor } from '../../agent/deliver/commitmentPolicy.js';
import { CIPHERS } from '../../agent/dicom/dimse/tls.js';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../../agent/dicom/implementation.js';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { ABORTS, COMMITMENT_FAILURES, REJECTIONS, STATUSES, statusText } from '../../agent/dicom/statuses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { AGENT_USES, decideAssociation, decideContext } from '../../agent/receive/policy.js';
import { parseConfig } from '../../config/load.js';
import { projectRoot } from '../../config/root.js';
import { BAD_DAYS, REFUSED_OBJECTS } from './badDayTable.js';

type Row = readonly string[];

/** The tables of the statement under their section's number, each a list of rows without its head. */
function tablesOf(section: string): Row[][] {
  const text = readFileSync(join(projectRoot, 'docs/conformance.md'), 'utf8');
  const part = text.split(/^#+ /m).find((each) => each.startsWith(`${section} `));
  assert.ok(part, `section ${section}`);
  const blocks = part.split(/\n{2,}/).filter((block) => block.startsWith('|'));
  return blocks.map((block) =>
    block
      .trim()
      .split('\n')
      .slice(2)
      .map((line) =>
        line
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
  );
}

const { dicom } = parseConfig({});
const policy = { dicom, uses: [...AGENT_USES, 'commitment' as const] };
const allSyntaxes = Object.values(TRANSFER_SYNTAXES);

describe('the conformance statement', () => {
  it('lists the SOP classes that are read, and no others', () => {
    const reading = { ...policy, dicom: { ...dicom, otherSopClasses: 'refuse' as const } };
    const accepted = Object.values(SOP_CLASSES).filter(({ uid }) => {
      const proposed = { abstractSyntaxUid: uid, transferSyntaxUids: allSyntaxes.map((each) => each.uid) };
      return decideContext(proposed, 'ANY', reading).accept;
    });
    assert.deepEqual(
      tablesOf('3.2')[0],
      accepted.map(({ name, uid }) => [name, uid]),
    );
  });

  it('lists the transfer syntaxes in the order they are chosen, lossy ones as by policy', () => {
    const rows = allSyntaxes.map(({ name, uid, isLossy }) => [
      name,
      uid,
      isLossy ? '`dicom.acceptLossy`' : 'always',
    ]);
    assert.deepEqual(tablesOf('3.2')[1], rows);
  });

  it('lists the reports that are sent', () => {
    // The forms beside them are of classes that others send too.
    const reports = [
      ...Object.values(SOP_CLASSES).filter(({ use }) => use === 'report'),
      ...Object.values(SOP_CLASSES).filter(({ use }) => use === 'picture'),
    ];
    assert.deepEqual(
      tablesOf('3.3')[0],
      reports.map(({ name, uid }) => [name, uid]),
    );
  });

  it('gives rejections and aborts the numbers they have on the wire', () => {
    const [rejections, aborts] = tablesOf('3.1') as [Row[], Row[]];
    const request = {
      callingAe: 'X',
      calledAe: dicom.aeTitle,
      remoteAddress: '',
      certificateSha256: null,
      openAssociations: 0,
      openFromAe: 0,
    };
    const decisions = [
      decideAssociation(request, { ...dicom, allowedCallingAEs: [] }),
      decideAssociation({ ...request, calledAe: 'Y' }, dicom),
      decideAssociation({ ...request, openAssociations: dicom.maxAssociations }, dicom),
    ];
    const rows = decisions.map((decision) => {
      assert.ok(!decision.accept);
      const { meaning, result, source, reason } = REJECTIONS[decision.rejection];
      return [meaning, ...[result, source, reason].map(String)];
    });
    assert.deepEqual(rejections, rows);
    assert.deepEqual(
      aborts.map((row) => Number(row[1])),
      Object.values(ABORTS).map((each) => each.reason),
    );
  });

  it('names every status as the table of statuses does', () => {
    const byText = new Map(Object.values(STATUSES).map(({ code, meaning }) => [statusText(code), meaning]));
    const rows = [...tablesOf('4.1')[0]!, ...tablesOf('4.3')[0]!];
    assert.equal(rows.length, 11);
    for (const [meaning, code] of rows) assert.equal(byText.get(code!), meaning);
  });

  it('lists what is done about each failure of a storage commitment', () => {
    const [rows] = tablesOf('4.4') as [Row[]];
    const { deliver } = parseConfig({});
    assert.deepEqual(
      rows.map(([meaning, code]) => [meaning, code]),
      Object.values(COMMITMENT_FAILURES).map(({ meaning, code }) => [meaning, statusText(code)]),
    );
    for (const [, code, then] of rows) {
      const facts = { reason: Number.parseInt(code!, 16), attempts: 1, resends: 0, ageMs: 0 };
      const { plan } = planFor(facts, deliver);
      assert.match(
        then!,
        { 'ask-again': /^asked again/, 'send-again': /^sent again/, park: /^parked$/ }[plan],
      );
    }
  });

  it('tells of each bad day what its sender sees, as the tests assert it', () => {
    const [broken, refused] = tablesOf('7') as [Row[], Row[]];
    assert.deepEqual(
      broken,
      BAD_DAYS.map(({ what, sees }) => [what, sees]),
    );
    assert.deepEqual(
      refused,
      REFUSED_OBJECTS.map(([why, , , status]) => [why, statusText(status)]),
    );
  });

  it('states the defaults and the implementation as they are', () => {
    const [parameters] = tablesOf('3') as [Row[]];
    const value = (name: string) => parameters.find((row) => row[0] === name)![1]!;
    assert.equal(value('Implementation class UID'), IMPLEMENTATION_CLASS_UID);
    assert.equal(value('Implementation version name'), IMPLEMENTATION_VERSION_NAME);
    assert.ok(value('Maximum PDU received').startsWith(`${dicom.maxPduBytes} `));
    assert.ok(value('Simultaneous associations accepted').startsWith(`${dicom.maxAssociations} `));
    assert.ok(value('Idle time-out').startsWith(`${dicom.idleTimeoutMs / 1000} s`));
  });

  it('lists the cipher suites that are offered', () => {
    assert.deepEqual(
      tablesOf('5')[0],
      CIPHERS.map((cipher) => [cipher]),
    );
  });
});
