import { DICOM_FORMS, type EVENTS, type URGENCIES } from './channels.js';
import type { Config } from './schema.js';

/** Where results go. */
export type Destination = Config['route']['destinations'][number];

/** One by what it speaks. */
export type DestinationOf<Name extends Destination['channel']> = Extract<
  Destination,
  { readonly channel: Name }
>;

/** One that speaks DIMSE: it has an AE title and an address, may speak TLS and may be asked for commitment. */
export type DimseDestination = DestinationOf<'c-store'>;

export type DicomForm = (typeof DICOM_FORMS)[number];
export type NewsEvent = (typeof EVENTS)[number];
export type Urgency = (typeof URGENCIES)[number];

export function isDimse(destination: Destination): destination is DimseDestination {
  return destination.channel === 'c-store';
}

export function dimseDestinations({
  destinations,
}: Pick<Config['route'], 'destinations'>): DimseDestination[] {
  return destinations.filter(isDimse);
}

/** What it is given of each result: DICOM objects by its setting, or the one message of its channel. */
export function formsOf(destination: Destination): readonly Form[] {
  switch (destination.channel) {
    case 'c-store':
    case 'stow-rs':
      return destination.forms;
    default:
      return [MESSAGE_FORMS[destination.channel]];
  }
}

const MESSAGE_FORMS = { hl7: 'oru', fhir: 'fhir', webhook: 'json', email: 'mail' } as const;

export type MessageForm = (typeof MESSAGE_FORMS)[keyof typeof MESSAGE_FORMS];
export type Form = DicomForm | MessageForm;

/** For a destination that wants to hear of some events alone; null: it gets every result. */
export function eventsOf(destination: Destination): readonly NewsEvent[] | null {
  return 'events' in destination ? destination.events : null;
}

/** A DICOM object, which is kept with the report; any other form is a message. */
export function isDicomForm(form: string): form is DicomForm {
  return (DICOM_FORMS as readonly string[]).includes(form);
}
