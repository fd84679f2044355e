import type { CaseView } from '../../../db/views/caseView.js';
import { type Html, html } from '../html.js';

/** Which networks answered, and what their card says of them. */
export function modelSection({ model, inferences, mr }: CaseView): Html {
  const decided = inferences.find(({ role }) => role === 'active');
  const localiser =
    mr &&
    html`<dt>Localiser</dt><dd>${mr.localiserName} ${mr.localiserVersion} <span class="id">SHA-256 ${mr.localiserSha256.slice(0, 16)}…</span></dd>`;
  if (!model || !decided) return html`<dl>${localiser}<dt>Classifier</dt><dd>has not answered</dd></dl>`;
  return html`<dl><dt>Classifier</dt><dd>${model.name} ${model.version} <span class="id">SHA-256 ${model.sha256.slice(0, 16)}…</span></dd>
<dt>Ran on</dt><dd>${decided.provider}, ${decided.runtime}, ${decided.batchSize} discs in ${Math.round(decided.milliseconds)} ms</dd>
<dt>Threshold</dt><dd>${decided.threshold.toFixed(3)}${ownThreshold(decided.threshold, model.card)}</dd>${localiser}
${cardLines(model.card)}</dl>${limits(model.card)}`;
}

/** An answer keeps the threshold it was given by: where that is not the card's, this site had set it. */
function ownThreshold(threshold: number, { threshold: onCard }: Readonly<Record<string, unknown>>): string {
  if (typeof onCard !== 'number' || Math.fround(onCard) === threshold) return '';
  return `, set by this site; on the card ${onCard.toFixed(3)}`;
}

function cardLines(card: Readonly<Record<string, unknown>>): Html[] {
  const training = (card.trainingData ?? {}) as Readonly<Record<string, unknown>>;
  // A card that does not say it learnt from real calcification did not.
  const learnt =
    training.simulated === false ? 'real calcification' : 'simulated calcification over real anatomy';
  const lines: readonly (readonly [string, unknown])[] = [
    ['Card', card.description],
    ['Learnt from', learnt],
    ['Data', training.attribution],
    ['Intended use', card.intendedUse],
    ['Licence', card.licence],
  ];
  return lines.flatMap(([name, text]) =>
    typeof text === 'string' && text !== '' ? [html`<dt>${name}</dt><dd>${text}</dd>`] : [],
  );
}

function limits({ limits: given }: Readonly<Record<string, unknown>>): Html | false {
  if (!Array.isArray(given) || given.length === 0) return false;
  return html`<details><summary>Limits of this model</summary><ul>${given.map((limit) => html`<li>${String(limit)}</li>`)}</ul></details>`;
}
