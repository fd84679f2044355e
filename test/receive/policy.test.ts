import assert from 'node:assert/strict';
import { SOP_CLASSES } from '../../agent/dicom/sopClasses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { AGENT_USES, decideAssociation, decideContext } from '../../agent/receive/policy.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';

type DicomInput = NonNullable<ConfigInput['dicom']>;

const dicom = (input: DicomInput = {}) => parseConfig({ dicom: input }).dicom;
const { jpegLossless, explicitVrLittleEndian, jpeg2000, implicitVrLittleEndian } = TRANSFER_SYNTAXES;
const { ctImage, mrImage, verification, comprehensive3dSr, studyRootFind } = SOP_CLASSES;

describe('presentation contexts', () => {
  const decide = (
    abstractSyntaxUid: string,
    syntaxes: readonly { uid: string }[],
    input: DicomInput = {},
    uses = AGENT_USES,
  ) => {
    const transferSyntaxUids = syntaxes.map((each) => each.uid);
    return decideContext({ abstractSyntaxUid, transferSyntaxUids }, 'CT1', { dicom: dicom(input), uses });
  };
  const notOurs = { accept: false, why: 'abstractSyntax' };
  const inSyntax = ({ uid }: { uid: string }, role = 'read') => ({
    accept: true,
    transferSyntaxUid: uid,
    role,
  });

  it('every image class takes every lossless syntax alone, and lossy ones only by policy', () => {
    for (const { uid, use } of Object.values(SOP_CLASSES)) {
      if (use !== 'image') continue;
      for (const syntax of Object.values(TRANSFER_SYNTAXES)) {
        assert.equal(decide(uid, [syntax]).accept, !syntax.isLossy, syntax.name);
        assert.deepEqual(decide(uid, [syntax], { acceptLossy: true }), inSyntax(syntax));
      }
    }
  });

  it('chooses by our order, not by the sender’s: [.57, Explicit LE] is Explicit LE', () => {
    const offered = [jpegLossless, implicitVrLittleEndian, explicitVrLittleEndian];
    assert.deepEqual(decide(ctImage.uid, offered), inSyntax(explicitVrLittleEndian));
  });

  it('leaves a lossy syntax for a lossless one that was offered with it', () => {
    const decision = decide(ctImage.uid, [jpeg2000, jpegLossless], { acceptLossy: true });
    assert.deepEqual(decision, inSyntax(jpegLossless));
  });

  it('refuses what we are no SCP of', () => {
    const worklistFind = '1.2.840.10008.5.1.4.31';
    for (const uid of [studyRootFind.uid, worklistFind])
      assert.deepEqual(decide(uid, [explicitVrLittleEndian]), notOurs);
  });

  /** What whole studies hold: a PACS that sends one stops at the first that it cannot send. */
  const BESIDE_IMAGES = {
    'a secondary capture': '1.2.840.10008.5.1.4.1.1.7',
    'a presentation state': '1.2.840.10008.5.1.4.1.1.11.1',
    'key objects': '1.2.840.10008.5.1.4.1.1.88.59',
    'a report, ours too': comprehensive3dSr.uid,
    'a PDF': '1.2.840.10008.5.1.4.1.1.104.1',
    'an RT structure set': '1.2.840.10008.5.1.4.1.1.481.3',
    'RT delivery instructions, under a root of their own': '1.2.840.10008.5.1.4.34.7',
    'raw data': '1.2.840.10008.5.1.4.1.1.66',
    'a class that nobody has thought of yet': '1.2.840.10008.5.1.4.1.1.999',
    "a vendor's own class": '1.3.12.2.1107.5.9.1',
    'a retired class under another root': '1.2.840.10008.5.1.1.29',
  };
  for (const [what, uid] of Object.entries(BESIDE_IMAGES))
    it(`takes ${what}, to be kept unread, unless the site refuses it`, () => {
      assert.deepEqual(decide(uid, [explicitVrLittleEndian]), inSyntax(explicitVrLittleEndian, 'unread'));
      assert.deepEqual(decide(uid, [explicitVrLittleEndian], { otherSopClasses: 'refuse' }), notOurs);
    });

  it('takes what is kept unread in any codec, lossy and video too, and prefers none', () => {
    const [capture, jpegBaseline, mpeg4] = [
      '1.2.840.10008.5.1.4.1.1.7',
      { uid: '1.2.840.10008.1.2.4.50' },
      { uid: '1.2.840.10008.1.2.4.102' },
    ];
    for (const syntax of [jpegBaseline, mpeg4, jpeg2000])
      assert.deepEqual(decide(capture, [syntax]), inSyntax(syntax, 'unread'));
    const both = [jpegBaseline, explicitVrLittleEndian];
    assert.deepEqual(decide(capture, both), inSyntax(explicitVrLittleEndian, 'unread'));
    assert.equal(decide(ctImage.uid, [jpegBaseline]).accept, false);
  });

  it('a remote’s own lists narrow what it may store, not who may echo', () => {
    const remotes = [
      { aeTitle: 'CT1', sopClasses: [ctImage.uid], transferSyntaxes: [explicitVrLittleEndian.uid] },
    ];
    const both = [implicitVrLittleEndian, explicitVrLittleEndian];
    assert.deepEqual(decide(ctImage.uid, both, { remotes }), inSyntax(explicitVrLittleEndian));
    assert.deepEqual(decide(mrImage.uid, both, { remotes }), notOurs);
    assert.deepEqual(decide(ctImage.uid, [implicitVrLittleEndian], { remotes }), {
      accept: false,
      why: 'transferSyntaxes',
    });
    assert.ok(decide(verification.uid, [implicitVrLittleEndian], { remotes }).accept);
  });
});

describe('associations', () => {
  const request = {
    callingAe: 'CT1',
    calledAe: 'CALCIDISC',
    remoteAddress: '10.0.0.1',
    certificateSha256: null,
    openAssociations: 0,
    openFromAe: 0,
  };
  const rejectionOf = (
    differs: Partial<typeof request> | { certificateSha256: string },
    input: DicomInput,
  ) => {
    const config = { ...dicom(), ...input, remotes: dicomRemotes(input) } as ReturnType<typeof dicom>;
    const decision = decideAssociation({ ...request, ...differs }, config);
    return decision.accept ? null : decision.rejection;
  };
  /** Pinned certificates need TLS, whose files this test does without. */
  const dicomRemotes = (input: DicomInput) =>
    (input.remotes ?? []).map((each) => ({
      ...dicom({ remotes: [{ ...each, certificates: [] }] }).remotes[0]!,
      ...each,
    }));

  it('the calling AE is checked before the called one: a stranger learns nothing of us', () => {
    assert.equal(rejectionOf({ calledAe: 'X' }, { allowedCallingAEs: ['CT2'] }), 'callingAe');
  });

  it('any called AE is ours where the check is switched off', () => {
    assert.equal(rejectionOf({ calledAe: 'X' }, { checkCalledAe: false }), null);
    assert.equal(rejectionOf({ calledAe: 'X' }, {}), 'calledAe');
  });

  it('a remote calls from its networks only, also where Node writes IPv4 as IPv6', () => {
    const input = {
      allowedCallingAEs: [],
      remotes: [{ aeTitle: 'CT1', networks: ['10.0.0.0/24', 'fd00::/8'] }],
    };
    for (const remoteAddress of ['10.0.0.9', '::ffff:10.0.0.9', 'fd12::1']) {
      assert.equal(rejectionOf({ remoteAddress }, input), null, remoteAddress);
    }
    for (const remoteAddress of ['10.0.1.9', '::ffff:10.0.1.9', 'fe80::1', '']) {
      assert.equal(rejectionOf({ remoteAddress }, input), 'callingAe', remoteAddress);
    }
  });

  it('a remote with a pinned certificate has to show that one', () => {
    const [ours, another] = ['a'.repeat(64), 'b'.repeat(64)];
    const input = { remotes: [{ aeTitle: 'CT1', certificates: [ours] }] };
    assert.equal(rejectionOf({ certificateSha256: ours }, input), null);
    assert.equal(rejectionOf({ certificateSha256: another }, input), 'callingAe');
    assert.equal(rejectionOf({}, input), 'callingAe');
  });

  it('a remote’s maximum counts its own associations, the general one all', () => {
    const input = { maxAssociations: 5, remotes: [{ aeTitle: 'CT1', maxAssociations: 2 }] };
    assert.equal(rejectionOf({ openAssociations: 4, openFromAe: 1 }, input), null);
    assert.equal(rejectionOf({ openAssociations: 4, openFromAe: 2 }, input), 'localLimit');
    assert.equal(rejectionOf({ openAssociations: 5, openFromAe: 0 }, input), 'localLimit');
  });

  it('a network that is none is refused with the configuration', () => {
    for (const network of ['10.0.0.0/33', '10.0.0', 'fd00::/129', 'host', '10.0.0.0/8/8']) {
      assert.throws(() => dicom({ remotes: [{ aeTitle: 'CT1', networks: [network] }] }), /prefix length/);
    }
  });
});
