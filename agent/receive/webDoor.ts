import { randomUUID } from 'node:crypto';
import type { FileMeta } from '../dicom/fileMeta.js';
import { STATUSES, type StatusName, statusText } from '../dicom/statuses.js';
import { aeOf, type WebDoor } from '../dicom/web/door.js';
import { drain, readPart10 } from '../dicom/web/part10.js';
import type { Taken } from '../dicom/web/storeResponse.js';
import { isInNetworks } from './networks.js';
import { decideContext, type Policy, remoteOf } from './policy.js';
import { type StoreDeps, StoreSession } from './storeSession.js';
import type { AssociationInfo, ReceiveEvents } from './types.js';

export interface WebDoorDeps extends StoreDeps {
  readonly policy: Policy;
  readonly events: ReceiveEvents;
}

const MOST_BACKLOG_BYTES = 2 << 20;

/** The second way in, beside the listener for associations: into the same spool, told to the same stages. */
export function openWebDoor(deps: WebDoorDeps): WebDoor {
  let visits = 0;
  return {
    refusal({ name, remoteAddress }) {
      const { dicom } = deps.policy;
      const networks = remoteOf(aeOf(name), dicom)?.networks ?? [];
      if (networks.length > 0 && !isInNetworks(remoteAddress, networks))
        return { isForGood: true, reason: `${name} may not send from ${remoteAddress} (dicom.remotes)` };
      if (visits >= dicom.maxAssociations)
        return { isForGood: false, reason: `${visits} requests bring objects, and no more are taken` };
      const acceptance = deps.isAccepting();
      return acceptance.ok ? null : { isForGood: false, reason: acceptance.reason };
    },
    open({ name, remoteAddress }) {
      visits += 1;
      const { aeTitle: calledAe } = deps.policy.dicom;
      const association: AssociationInfo = {
        id: randomUUID(),
        callingAe: aeOf(name),
        calledAe,
        remoteAddress,
        openedAt: new Date(),
      };
      deps.events.associationOpened(association);
      return {
        id: association.id,
        store: (body, studyInstanceUid) => storeOne(deps, association, body, studyInstanceUid),
        end(how) {
          visits -= 1;
          deps.events.associationEnded({ id: association.id, how, endedAt: new Date() });
        },
      };
    },
  };
}

async function storeOne(
  deps: WebDoorDeps,
  association: AssociationInfo,
  body: AsyncIterable<Buffer>,
  studyInstanceUid: string | undefined,
): Promise<Taken> {
  const { meta, dataset } = await readPart10(body);
  if (!meta) {
    await drain(dataset);
    return refuse(deps, association, { sopClassUid: '', sopInstanceUid: '' }, NO_FILE);
  }
  const context = decideContext(
    { abstractSyntaxUid: meta.sopClassUid, transferSyntaxUids: [meta.transferSyntaxUid] },
    association.callingAe,
    deps.policy,
  );
  if (!context.accept || context.role === 'service') {
    await drain(dataset);
    const isSyntax = !context.accept && context.why === 'transferSyntaxes';
    return refuse(deps, association, meta, isSyntax ? SYNTAX_REFUSED : CLASS_REFUSED);
  }
  const session = new StoreSession(
    {
      command: {
        affectedSopClassUid: meta.sopClassUid,
        affectedSopInstanceUid: meta.sopInstanceUid,
      },
      abstractSyntaxUid: meta.sopClassUid,
      transferSyntaxUid: meta.transferSyntaxUid,
      isUnread: context.role === 'unread',
      association,
      ...(studyInstanceUid === undefined ? {} : { studyInstanceUid }),
    },
    deps,
  );
  try {
    for await (const piece of dataset) {
      session.write(piece);
      if (session.backlogBytes > MOST_BACKLOG_BYTES)
        await new Promise<void>((resolve) => session.onDrained(resolve));
    }
  } catch (broken) {
    session.abandon();
    throw broken;
  }
  const answer = await session.finish();
  session.announce(answer);
  return { ...uidsOf(meta), ...answer };
}

const NO_FILE = { status: 'cannotUnderstand', reason: 'this is no DICOM file (PS3.10 7)' } as const;
const CLASS_REFUSED = { status: 'sopClassNotSupported', reason: 'this SOP class is not taken' } as const;
const SYNTAX_REFUSED = {
  status: 'transferSyntaxNotSupported',
  reason: 'this transfer syntax is not taken',
} as const;

function refuse(
  { events }: WebDoorDeps,
  { callingAe, remoteAddress }: AssociationInfo,
  meta: Pick<FileMeta, 'sopClassUid' | 'sopInstanceUid'>,
  { status, reason }: { readonly status: StatusName; readonly reason: string },
): Taken {
  const { sopClassUid, sopInstanceUid } = uidsOf(meta);
  const code = statusText(STATUSES[status].code);
  events.refused({
    what: 'object',
    status: code,
    reason,
    callingAe,
    remoteAddress,
    sopInstanceUid,
    sopClassUid,
  });
  return { sopClassUid, sopInstanceUid, status, reason };
}

/** What somebody else has written may be anything: so much of it is repeated. */
function uidsOf({ sopClassUid, sopInstanceUid }: Pick<FileMeta, 'sopClassUid' | 'sopInstanceUid'>) {
  return { sopClassUid: sopClassUid.slice(0, 64), sopInstanceUid: sopInstanceUid.slice(0, 64) };
}
