import assert from 'node:assert/strict';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { decideAssociation, decideContext } from '../../agent/receive/policy.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';

const dicom = (input: NonNullable<ConfigInput['dicom']> = {}) => parseConfig({ dicom: input }).dicom;
const { jpegLossless, explicitVrLittleEndian, jpeg2000, implicitVrLittleEndian } = TRANSFER_SYNTAXES;

describe('presentation contexts', () => {
  const context = (abstractSyntaxUid: string, ...syntaxes: readonly { uid: string }[]) => ({
    abstractSyntaxUid,
    transferSyntaxUids: syntaxes.map((each) => each.uid),
  });

  it('every image class takes every lossless syntax alone, and lossy ones only by policy', () => {
    for (const { uid, use } of Object.values(SOP_CLASSES)) {
      if (use !== 'image') continue;
      for (const syntax of Object.values(TRANSFER_SYNTAXES)) {
        const closed = decideContext(context(uid, syntax), dicom());
        const open = decideContext(context(uid, syntax), dicom({ acceptLossy: true }));
        assert.equal(closed.accept, !syntax.isLossy, syntax.name);
        assert.deepEqual(open, { accept: true, transferSyntaxUid: syntax.uid });
      }
    }
  });

  it('chooses by our order, not by the sender’s: [.57, Explicit LE] is Explicit LE', () => {
    const decision = decideContext(
      context(SOP_CLASSES.ctImage.uid, jpegLossless, implicitVrLittleEndian, explicitVrLittleEndian),
      dicom(),
    );
    assert.deepEqual(decision, { accept: true, transferSyntaxUid: explicitVrLittleEndian.uid });
  });

  it('leaves a lossy syntax for a lossless one that was offered with it', () => {
    const decision = decideContext(context(SOP_CLASSES.ctImage.uid, jpeg2000, jpegLossless), dicom());
    assert.deepEqual(decision, { accept: true, transferSyntaxUid: jpegLossless.uid });
  });

  it('refuses what we are no SCP of', () => {
    for (const uid of [SOP_CLASSES.comprehensive3dSr.uid, SOP_CLASSES.studyRootFind.uid, '1.2.3']) {
      assert.deepEqual(decideContext(context(uid, explicitVrLittleEndian), dicom()), {
        accept: false,
        why: 'abstractSyntax',
      });
    }
  });
});

describe('associations', () => {
  const request = { callingAe: 'CT1', calledAe: 'CALCIDISC', remoteAddress: '10.0.0.1', openAssociations: 0 };

  it('the calling AE is checked before the called one: a stranger learns nothing of us', () => {
    const decision = decideAssociation({ ...request, calledAe: 'X' }, dicom({ allowedCallingAEs: ['CT2'] }));
    assert.equal(!decision.accept && decision.rejection, 'callingAe');
  });

  it('any called AE is ours where the check is switched off', () => {
    assert.ok(decideAssociation({ ...request, calledAe: 'X' }, dicom({ checkCalledAe: false })).accept);
    assert.ok(!decideAssociation({ ...request, calledAe: 'X' }, dicom()).accept);
  });
});
