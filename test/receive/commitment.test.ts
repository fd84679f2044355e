import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { storeFiles } from '../../agent/deliver/scu.js';
import {
  type CommitmentResult,
  commitmentRequestElements,
  commitmentResultElements,
  parseCommitmentRequest,
  parseCommitmentResult,
} from '../../agent/dicom/commitment.js';
import { COMMITMENT, requestCommitment, sendCommitmentResult } from '../../agent/dicom/dimse/commitment.js';
import {
  Dataset,
  NActionRequest,
  type NEventReportRequest,
  NEventReportResponse,
} from '../../agent/dicom/dimse/library.js';
import { openAssociation } from '../../agent/dicom/dimse/outgoing.js';
import { SOP_CLASSES, STORAGE_COMMITMENT_INSTANCE } from '../../agent/dicom/sopClasses.js';
import { STATUSES } from '../../agent/dicom/statuses.js';
import { TRANSFER_SYNTAXES } from '../../agent/dicom/transferSyntaxes.js';
import { newUid } from '../../agent/dicom/uid.js';
import { type Commitments, startCommitments } from '../../agent/receive/commitments.js';
import { AGENT_USES } from '../../agent/receive/policy.js';
import { type Receiver, startReceiver } from '../../agent/receive/receiver.js';
import { openSpool, type Spool } from '../../agent/receive/spool.js';
import { parseConfig } from '../../config/load.js';
import type { ConfigInput } from '../../config/schema.js';
import { freePort } from '../support/dcmtk.js';
import { fileOf, smallObject } from '../support/dicomObject.js';
import { type RunningOrthanc, startOrthanc } from '../support/orthanc.js';
import { needsPeer } from '../support/peers.js';
import { seenEvents } from '../support/receiver.js';
import { until } from '../support/until.js';

const log = pino({ level: 'silent' });
const IMPLICIT = TRANSFER_SYNTAXES.implicitVrLittleEndian.uid;

/** Receiver, index (what was announced) and commitment service of one agent, over restarts on one folder. */
class Node {
  readonly seen = seenEvents();
  readonly reported: CommitmentResult[] = [];
  #spool: Spool | null = null;
  #receiver: Receiver | null = null;
  #commitments: Commitments | null = null;
  port = 0;

  constructor(
    private readonly dir: string,
    private readonly input: ConfigInput = {},
  ) {}

  async start(withCommitments = true): Promise<void> {
    const spool = await openSpool({ dir: this.dir, log });
    const config = parseConfig({ deliver: { firstRetryMs: 50, maxRetryMs: 200 }, ...this.input });
    const receiver = await startReceiver({
      dicom: { ...config.dicom, port: this.port, minFreeDiskMiB: 0 },
      spool,
      log,
      uses: [...AGENT_USES, 'commitment'],
      events: {
        ...this.seen,
        commitmentRequested: (owed) => this.#commitments?.requested(owed),
        commitmentReported: (result) => this.reported.push(result),
      },
    });
    [this.#spool, this.#receiver, this.port] = [spool, receiver, receiver.port];
    if (!withCommitments) return;
    this.#commitments = await startCommitments({
      config,
      spoolDir: spool.dir,
      settled: async () => undefined,
      findSopClasses: async () =>
        new Map(this.seen.files.map((file) => [file.sopInstanceUid, file.sopClassUid])),
      reportOn: receiver.reportCommitment,
      log,
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.#receiver?.close(), this.#commitments?.close()]);
    await this.#spool?.close();
    this.#commitments = null;
  }

  owed(): Promise<string[]> {
    return readdir(join(this.dir, 'commitments')).catch(() => []);
  }
}

describe('storage commitment', () => {
  let dir: string;
  let node: Node;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'calcidisc-commit-'));
  });
  afterEach(async () => {
    await node?.stop();
    await rm(dir, { recursive: true, force: true });
  });

  const peer = () => ({ host: '127.0.0.1', port: node.port, calledAe: 'CALCIDISC', callingAe: 'MODALITY' });
  const referenceOf = ({ sopClassUid, sopInstanceUid }: { sopClassUid: string; sopInstanceUid: string }) => ({
    sopClassUid,
    sopInstanceUid,
  });

  it('on the same association: what is there, what is not, and what is of another class', async () => {
    node = new Node(dir);
    await node.start();
    const [kept, never] = [smallObject(), smallObject()];
    await storeFiles({ ...peer(), files: [fileOf(kept)] });
    const contexts = [{ abstractSyntaxUid: COMMITMENT, transferSyntaxUids: [IMPLICIT] }];
    const association = await openAssociation({ ...peer(), contexts });
    const report = new Promise<NEventReportRequest>((resolve) => {
      association.nEventReportRequest = (request, callback) => {
        const response = NEventReportResponse.fromRequest(request);
        response.setStatus(STATUSES.success.code);
        callback(response);
        resolve(request);
      };
    });
    const transactionUid = newUid();
    const other = { sopClassUid: SOP_CLASSES.mrImage.uid, sopInstanceUid: kept.sopInstanceUid };
    const references = [referenceOf(kept), referenceOf(never), other];
    const action = new NActionRequest(COMMITMENT, STORAGE_COMMITMENT_INSTANCE, 1);
    action.setDataset(
      new Dataset({ ...commitmentRequestElements({ transactionUid, references }) }, IMPLICIT),
    );
    assert.equal((await association.perform(action)).getStatus(), 0);
    const result = parseCommitmentResult((await report).getDataset()!.getElements());
    assert.deepEqual(result, {
      transactionUid,
      committed: [referenceOf(kept)],
      failed: [
        { ...referenceOf(never), reason: STATUSES.noSuchSopInstance.code },
        { ...other, reason: STATUSES.classInstanceConflict.code },
      ],
    });
    await until(async () => (await node.owed()).length === 0);
    await association.release();
  });

  it('a request that is none is refused: no transaction, no references, another action', async () => {
    node = new Node(dir);
    await node.start();
    const reference = [{ ReferencedSOPClassUID: '1.2', ReferencedSOPInstanceUID: '1.2.3' }];
    const cases = [
      [1, { ReferencedSOPSequence: reference }, STATUSES.invalidArgument.code],
      [1, { TransactionUID: '1.2.3' }, STATUSES.invalidArgument.code],
      [2, { TransactionUID: '1.2.3', ReferencedSOPSequence: reference }, STATUSES.noSuchActionType.code],
    ] as const;
    const contexts = [{ abstractSyntaxUid: COMMITMENT, transferSyntaxUids: [IMPLICIT] }];
    for (const [type, elements, status] of cases) {
      const association = await openAssociation({ ...peer(), contexts });
      const action = new NActionRequest(COMMITMENT, STORAGE_COMMITMENT_INSTANCE, type);
      action.setDataset(new Dataset({ ...elements }, IMPLICIT));
      assert.equal((await association.perform(action)).getStatus(), status);
      await association.release();
    }
    assert.deepEqual(await node.owed(), []);
  });

  it('after a restart, on a new association, once the sender listens', async () => {
    const listener = await freePort();
    const remotes = [{ aeTitle: 'MODALITY', host: '127.0.0.1', port: listener }];
    node = new Node(dir, { dicom: { remotes } });
    await node.start(false); // dies before it has looked
    const object = smallObject();
    await storeFiles({ ...peer(), files: [fileOf(object)] });
    const transactionUid = newUid();
    await requestCommitment(peer(), { transactionUid, references: [referenceOf(object)] });
    await node.stop();
    assert.equal((await node.owed()).length, 1);
    await node.start();
    const sender = new Node(join(dir, 'sender'), { dicom: { aeTitle: 'MODALITY' } });
    sender.port = listener;
    await sender.start();
    await until(() => sender.reported.length === 1);
    assert.deepEqual(sender.reported[0], { transactionUid, committed: [referenceOf(object)], failed: [] });
    await until(async () => (await node.owed()).length === 0);
    await sender.stop();
  });

  describe('with Orthanc', () => {
    let orthanc: RunningOrthanc;
    afterEach(() => orthanc?.stop());

    it('as the one who asks: it gets our answer, over an association of ours', async function () {
      needsPeer(this, 'orthanc');
      const port = await freePort();
      orthanc = await startOrthanc({ modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', port] } });
      const remotes = [{ aeTitle: 'ORTHANC', host: '127.0.0.1', port: orthanc.dicomPort }];
      node = new Node(dir, { dicom: { remotes } });
      node.port = port;
      await node.start();
      const object = smallObject();
      await orthanc.post('/instances', fileOf(object));
      await orthanc.post('/modalities/calcidisc/store', {
        Resources: await orthanc.rest('/instances'),
        StorageCommitment: true,
      });
      await until(async () => (await node.owed()).length === 0 && node.seen.files.length === 1);
      const [job] = await orthanc.rest<string[]>('/jobs');
      const { Content } = await orthanc.rest<{ Content: { StorageCommitmentTransactionUID: string } }>(
        `/jobs/${job}`,
      );
      const report = `/storage-commitment/${Content.StorageCommitmentTransactionUID}`;
      await until(async () => (await orthanc.rest<{ Status: string }>(report)).Status === 'Success');
    });

    it('as the one who is asked: we are told, by its N-EVENT-REPORT', async function () {
      needsPeer(this, 'orthanc');
      const port = await freePort();
      orthanc = await startOrthanc({ modalities: { calcidisc: ['CALCIDISC', '127.0.0.1', port] } });
      node = new Node(dir);
      node.port = port;
      await node.start();
      const pacs = {
        host: '127.0.0.1',
        port: orthanc.dicomPort,
        calledAe: 'ORTHANC',
        callingAe: 'CALCIDISC',
      };
      const [sent, never] = [smallObject(), smallObject()];
      await storeFiles({ ...pacs, files: [fileOf(sent)] });
      const transactionUid = newUid();
      const references = [referenceOf(sent), referenceOf(never)];
      await requestCommitment(pacs, { transactionUid, references });
      await until(() => node.reported.length === 1);
      const { committed, failed } = node.reported[0]!;
      assert.deepEqual(committed, [referenceOf(sent)]);
      assert.deepEqual(
        failed.map((each) => each.sopInstanceUid),
        [never.sopInstanceUid],
      );
    });
  });

  it('nobody listens: the promise stays owed', async () => {
    const remotes = [{ aeTitle: 'MODALITY', host: '127.0.0.1', port: await freePort() }];
    node = new Node(dir, { dicom: { remotes } });
    await node.start();
    await requestCommitment(peer(), { transactionUid: newUid(), references: [referenceOf(smallObject())] });
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal((await node.owed()).length, 1);
    await assert.rejects(
      sendCommitmentResult(
        { ...peer(), port: remotes[0]!.port },
        { transactionUid: '1.2', committed: [], failed: [] },
      ),
      { code: 'DESTINATION_UNREACHABLE' },
    );
  });

  it('requests and results read back as they were written', () => {
    const request = { transactionUid: '1.2.3', references: [{ sopClassUid: '1.2', sopInstanceUid: '1.3' }] };
    assert.deepEqual(parseCommitmentRequest(commitmentRequestElements(request)), request);
    const result = {
      transactionUid: '1.2',
      committed: [],
      failed: [{ ...request.references[0]!, reason: 0x112 }],
    };
    assert.deepEqual(parseCommitmentResult(commitmentResultElements(result)), result);
  });
});
