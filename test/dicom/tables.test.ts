import assert from 'node:assert/strict';
import { SOP_CLASSES, sopClassOf } from '../../agent/dicom/sopClasses.js';
import { REJECTIONS, rejectionText, remedyOf, STATUSES, statusText } from '../../agent/dicom/statuses.js';
import { TRANSFER_SYNTAXES, transferSyntaxOf } from '../../agent/dicom/transferSyntaxes.js';
import { isUid } from '../../agent/dicom/uid.js';

describe('the tables of DICOM vocabulary', () => {
  it('every SOP class and transfer syntax has a valid UID of its own and is found by it', () => {
    const rows = [...Object.values(SOP_CLASSES), ...Object.values(TRANSFER_SYNTAXES)];
    assert.equal(new Set(rows.map((each) => each.uid)).size, rows.length);
    for (const { uid } of rows) assert.ok(isUid(uid), uid);
    for (const { uid, name } of Object.values(SOP_CLASSES)) assert.equal(sopClassOf(uid)?.name, name);
    for (const row of Object.values(TRANSFER_SYNTAXES)) assert.deepEqual(transferSyntaxOf(row.uid), row);
    assert.equal(sopClassOf('1.2.3'), null);
    assert.equal(transferSyntaxOf('1.2.3'), null);
  });

  it('only encapsulated syntaxes may be lossy', () => {
    for (const row of Object.values(TRANSFER_SYNTAXES))
      assert.ok(!row.isLossy || row.isEncapsulated, row.name);
  });

  it('every status has a code of its own, four digits and its remedy', () => {
    const rows = Object.values(STATUSES);
    assert.equal(new Set(rows.map((each) => each.code)).size, rows.length);
    for (const { code, remedy } of rows) {
      assert.match(statusText(code), /^[0-9A-F]{4}$/);
      assert.equal(remedyOf(code), remedy);
    }
  });

  it('a status of no table goes by its class', () => {
    assert.equal(remedyOf(0xa701), 'retry');
    assert.equal(remedyOf(0xa9ff), 'give-up');
    assert.equal(remedyOf(0xc123), 'give-up');
    assert.equal(remedyOf(0xb0ff), 'none');
    assert.equal(remedyOf(0x0123), 'give-up');
  });

  it('every rejection can be put in words', () => {
    for (const { result, source, reason, meaning } of Object.values(REJECTIONS)) {
      assert.ok(rejectionText(result, source, reason).includes(meaning));
    }
    assert.match(rejectionText(1, 1, 1), /source 1, reason 1/);
  });
});
