import type { LocalBounds } from '../../../db/tables/models.js';
import { type Html, html } from '../html.js';

type Entries = Readonly<Record<string, unknown>>;

/** What its card says of a model, to be read by people; the whole card unfolds below. */
export function modelCard(card: Entries, localBounds: LocalBounds | null): Html {
  const training = entriesOf(card.trainingData);
  const calibration = entriesOf(card.calibration);
  const assessable = entriesOf(card.assessable);
  const lines: readonly (readonly [string, unknown])[] = [
    ['What it is', card.description],
    ['Intended use', card.intendedUse],
    ['Learnt from', learntFrom(card, training)],
    ['Training data', training.source],
    ['Regions', training.regions],
    ['Patients', patientsOf(training)],
    ['How they were split', training.split],
    ['Attribution', training.attribution],
    ['Threshold', thresholdOf(card, localBounds)],
    ['How it was chosen', card.thresholdFrom],
    [
      'Not assessable',
      assessable.maxDistance !== undefined &&
        `beyond distance ${assessable.maxDistance}: ${assessable.rule ?? ''}`,
    ],
    [
      'Calibrated at',
      calibration.prevalence !== undefined && `a share of ${calibration.prevalence} calcified`,
    ],
    ['Licence', card.licence],
    ['Made', card.created],
  ];
  return html`<dl class="card">${lines.map(([name, value]) => typeof value === 'string' && value !== '' && html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
${listOf('Limits', card.limits)}
${reliability(calibration.reliability)}
${figures(entriesOf(card.metrics))}
<details><summary>The whole card</summary><pre tabindex="0">${JSON.stringify(card, null, 1)}</pre></details>`;
}

/** A card that does not say it learnt from real calcification did not. */
function learntFrom(card: Entries, training: Entries): string | false {
  if (card.kind !== 'classifier') return false;
  return (training.simulated ?? card.simulated) === false
    ? 'real calcification'
    : 'simulated calcification over real anatomy: no figure says anything about patients';
}

function patientsOf({ patients, heldOut }: Entries): string | false {
  if (!Array.isArray(patients)) return false;
  const kept = Array.isArray(heldOut) ? `, ${heldOut.length} held out` : '';
  return `${patients.length} in the training${kept}`;
}

function thresholdOf({ threshold, indeterminateFrom }: Entries, local: LocalBounds | null): string | false {
  if (typeof threshold !== 'number') return false;
  const words = (from: number, unsure: number | null) =>
    `calcified from ${from.toFixed(3)}${unsure === null ? '' : `, indeterminate from ${unsure.toFixed(3)}`}`;
  const onCard = words(threshold, typeof indeterminateFrom === 'number' ? indeterminateFrom : null);
  return local
    ? `${words(local.threshold, local.indeterminateFrom)}, set by this site; on the card ${onCard}`
    : onCard;
}

function listOf(title: string, values: unknown): Html | false {
  if (!Array.isArray(values) || values.length === 0) return false;
  return html`<h3>${title}</h3><ul>${values.map((value) => html`<li>${String(value)}</li>`)}</ul>`;
}

/** Of a hundred discs of which it says so much, how many were calcified. */
function reliability(bins: unknown): Html | false {
  if (!Array.isArray(bins) || bins.length === 0) return false;
  const cell = (value: unknown) =>
    html`<td class="number">${typeof value === 'number' ? value.toFixed(3) : '–'}</td>`;
  return html`<h3>Reliability on the card <small>simulated calcification</small></h3><table class="agreement narrow"><thead><tr><th scope="col">It says</th><th scope="col">Found calcified</th><th scope="col">Regions</th></tr></thead>
<tbody>${bins.map(entriesOf).map(({ said, found, regions }) => html`<tr><th scope="row">${typeof said === 'number' ? said.toFixed(3) : '–'}</th>${cell(found)}<td class="number">${Number(regions)}</td></tr>`)}</tbody></table>`;
}

/** Two levels deep as lines; what lies deeper stands in the whole card. */
function figures(metrics: Entries): Html | false {
  const lines = Object.entries(metrics).flatMap(([name, value]) => {
    if (typeof value !== 'object' || value === null) return [[name, String(value)] as const];
    return Object.entries(value as Entries).map(
      ([inner, each]) =>
        [
          `${name}, ${inner}`,
          typeof each === 'object' && each !== null ? plain(entriesOf(each)) : String(each),
        ] as const,
    );
  });
  if (lines.length === 0) return false;
  return html`<details><summary>Figures on the card</summary><dl class="card">${lines.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></details>`;
}

function plain(entries: Entries): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ');
}

function entriesOf(value: unknown): Entries {
  return typeof value === 'object' && value !== null ? (value as Entries) : {};
}
