import type { CaseView } from '../../../db/views/caseView.js';
import { ANSWER_WORDS, isStated } from '../../domain/answers.js';
import { CT_LABELS } from '../../domain/ctLabels.js';
import { confidenceWord } from '../../domain/levelConfidence.js';
import type { Level } from '../../domain/levels.js';
import { atPrevalence } from '../../report/certainty.js';
import { agreement, type Measurement, measurementBeside } from '../comparison.js';
import { type Html, html } from '../html.js';
import { readerName, verdictText } from '../readerWords.js';
import { ANSWER_CLASSES, ANSWER_SIGNS, hounsfield, percent, percentBeside } from '../words.js';

type Inference = CaseView['inferences'][number];

/** One disc: the pixels the model saw, where it looked, what it said, and what the CT says. */
export function discCard(
  view: CaseView,
  level: Level,
  prevalence: number,
  form: Html | false = false,
): Html | false {
  const region = view.regions.find((each) => each.level === level);
  const measured = measurementBeside(view, level);
  if (!region) return false;
  const answers = view.inferences.filter(({ discRegionId }) => discRegionId === region.id);
  const decided = answers.find(({ role }) => role === 'active');
  const src = `/api/cases/${view.case.id}/regions/${level}`;
  return html`<li id="${level}" class="disc ${decided ? ANSWER_CLASSES[decided.answer] : 'no'}">
<div class="region"${decided?.cam && html` tabindex="0" aria-label="${level}: the region as the model saw it; with the keyboard or the pointer on it, where the model looked"`}>${region.png ? html`<img src="${src}.png" width="224" height="224" alt="Region of ${level} as the model saw it">` : html`<p class="empty">Its picture was deleted by policy.</p>`}
${decided?.cam && html`<img class="cam" src="${src}/cam.png" width="224" height="224" alt="">`}</div>
<div><h3>${level}</h3>${decided ? verdict(decided) : html`<p class="quiet">not classified yet</p>`}
${decided && certainty(view, decided, prevalence)}
${decided && standsOut(decided)}
${answers.filter(({ role }) => role === 'shadow').map(shadow)}
${measured && ctLine(measured, decided)}
<p class="quiet">level: ${confidenceWord(region.confidence)}</p>
${view.readerVerdicts.filter(({ disc }) => disc === level).map((each) => html`<p class="reader">${readerName(each)}: ${verdictText(each)}</p>`)}${form}</div></li>`;
}

function verdict({ probability, threshold, answer, reasons }: Inference): Html {
  const [said, limit] = percentBeside(probability, threshold);
  if (!isStated(answer))
    return html`<p class="verdict">${ANSWER_SIGNS[answer]} ${ANSWER_WORDS[answer]}</p>
<p>${reasons.join('; ')}. This is no statement that calcification is absent.</p>${
      answer === 'indeterminate' && html`<p class="quiet">score ${said}, calcified from ${limit}</p>`
    }`;
  return html`<p class="verdict">${ANSWER_SIGNS[answer]} ${ANSWER_WORDS[answer]} <strong>${said}</strong></p>
<div class="bar" role="img" aria-label="probability ${said}, threshold ${limit}">
<svg viewBox="0 0 100 8" preserveAspectRatio="none"><rect class="fill" width="${100 * probability}" height="8"/>
<rect class="threshold" x="${100 * threshold}" width="0.8" height="8"/></svg></div>
<p class="quiet">calcified from ${limit}</p>`;
}

/** The certainty that the report states: the score of a calibrated network, where as many discs are calcified as at this site. */
function certainty(
  { model }: CaseView,
  { probability, answer }: Inference,
  prevalence: number,
): Html | false {
  const { prevalence: learnt } = (model?.card.calibration ?? {}) as { prevalence?: unknown };
  if (typeof learnt !== 'number' || answer === 'not-assessable') return false;
  const share = `${Number((100 * prevalence).toPrecision(2))} %`;
  return html`<p class="quiet">in the report ${percent(atPrevalence(probability, learnt, prevalence))}: where ${share} of discs are calcified</p>`;
}

/** What the network gave of the region alone, where the spine's other discs counted. */
function standsOut({ alone, answer }: Inference): Html | false {
  if (alone === null || answer === 'not-assessable') return false;
  return html`<p class="quiet">the region alone ${percent(alone)}; held against the spine's other discs as above</p>`;
}

function shadow({ modelName, modelVersion, probability }: Inference): Html {
  return html`<p class="quiet">shadow ${modelName} ${modelVersion}: ${percent(probability)}</p>`;
}

function ctLine(measured: Measurement, decided: Inference | undefined): Html {
  const { label, meanHu, maxHu } = measured;
  const agrees = agreement(decided?.calcified, measured);
  return html`<p class="ct ${label}">CT: ${CT_LABELS[label].words}, mean ${hounsfield(meanHu)}, max ${hounsfield(maxHu)}
${agrees === true && html`<span class="agrees">✓ agrees</span>`}${agrees === false && html`<span class="differs">≠ differs from the model</span>`}</p>`;
}
