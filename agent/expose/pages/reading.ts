import type { ReadingAnswer, ReadingStudy, ReadingStudyRow } from '../../../db/tables/readingStudies.js';
import type { Share } from '../../../models/statistics/confusion.js';
import type { ReadingResults } from '../../quality/reading.js';
import { type Html, html } from '../html.js';
import { moment } from '../words.js';

export interface ReadingListPage {
  readonly studies: readonly ReadingStudyRow[];
  /** Radiologists who may be named; null where whoever looks may make no study. */
  readonly people: readonly string[] | null;
  readonly csrf: string;
}

export function readingListPage({ studies, people, csrf }: ReadingListPage): Html {
  return html`<h1>Reader studies</h1>
${studies.length === 0 ? html`<p class="empty">There is no reader study yet.</p>` : html`<ul>${studies.map(({ id, name, createdAt, closedAt }) => html`<li><a href="/reading/${id}">${name}</a> <span class="quiet">${moment(createdAt)} UTC${closedAt !== null && ', closed'}</span></li>`)}</ul>`}
${
  people &&
  html`<section aria-labelledby="new"><h2 id="new">A new one</h2><form class="filters" method="post" action="/reading"><input type="hidden" name="_csrf" value="${csrf}">
<label>Name <input name="name" required maxlength="64"></label><label>Discs <input name="discs" type="number" min="1" max="2000" value="100" required></label>
<label>Seed <input name="seed" type="number" min="0" max="2147483647" value="1" required></label>
<label>MR from <input name="from" type="date"></label><label>to <input name="to" type="date"></label>
<label><input name="stratified" type="checkbox" value="yes" checked> as many calcified as not</label>
<label>Readers <select name="readers" multiple required size="${Math.min(5, Math.max(2, people.length))}">${people.map((name) => html`<option>${name}</option>`)}</select></label><button>Make it</button></form>
<p class="quiet">Discs are drawn by the seed among those whose CT says yes or no. Readers see the region alone, each in an order of their own.${people.length === 0 && ' Nobody here has the role radiologist yet.'}</p></section>`
}`;
}

export interface ReadingStudyPage {
  readonly study: ReadingStudy;
  /** Of whoever looks; null: no reader of it. */
  readonly own: { readonly answered: number } | null;
  /** Null until everybody has read everything. */
  readonly results: ReadingResults | null;
  /** Where readers differ and no joint answer is there yet. */
  readonly openDisagreements: number;
  readonly mayClose: boolean;
  readonly mayAgree: boolean;
  readonly csrf: string;
}

export function readingStudyPage(page: ReadingStudyPage): Html {
  const { study, own, results, openDisagreements, mayClose, mayAgree, csrf } = page;
  const of = study.items.length;
  const done = (accountId: string) => study.answers.filter((each) => each.accountId === accountId).length;
  return html`<p><a href="/reading">← Reader studies</a></p><h1>${study.name} <small>${of} discs</small></h1>
<p class="facts"><span>made by ${study.createdBy}, ${moment(study.createdAt)} UTC</span> <span>seed ${study.seed}</span> <span>${study.isStratified ? 'as many calcified as not' : 'as they come'}</span> ${study.closedAt !== null && html`<span>closed ${moment(study.closedAt)} UTC</span>`}</p>
${own && study.closedAt === null && own.answered < of && html`<p><a class="button" href="/reading/${study.id}/read">${own.answered === 0 ? 'Begin to read' : `Go on: ${own.answered} of ${of} read`}</a></p>`}
<h2>Progress</h2><ul>${study.readers.map(({ accountId, name }) => html`<li>${name}: ${done(accountId)} of ${of} <progress max="${of}" value="${done(accountId)}" aria-label="Read by ${name}"></progress></li>`)}</ul>
${mayAgree && openDisagreements > 0 && html`<p><a class="button" href="/reading/${study.id}/consensus">Agree on ${openDisagreements} on which readers differ</a></p>`}
${results ? resultSection(results) : html`<p class="quiet">Readers are shown the results when the study is closed, others when everybody has read everything: until then nobody is told what others, models or the CT say.</p>`}
${results && html`<p><a href="/reading/${study.id}/readers.csv">readers.csv</a> <span class="quiet">the whole set for <code>calcidisc evaluate</code>: <code>calcidisc reading export "${study.name}" --out DIR</code></span></p>`}
${mayClose && study.closedAt === null && html`<form class="filters" method="post" action="/reading/${study.id}/close"><input type="hidden" name="_csrf" value="${csrf}"><button>Close the study</button> <span class="quiet">No answer is taken any more.</span></form>`}`;
}

function resultSection({ figures, agreement, disagreements }: ReadingResults): Html {
  return html`<h2>Results <small>against the CT</small></h2><div class="scroll" tabindex="0" role="region" aria-label="Results"><table class="agreement"><thead><tr><th scope="col">Who</th><th scope="col">Discs</th><th scope="col">AUC</th><th scope="col">Sensitivity</th><th scope="col">Specificity</th><th scope="col">TP</th><th scope="col">FP</th><th scope="col">FN</th><th scope="col">TN</th></tr></thead>
<tbody>${figures.map(({ who, kind, answered, auc, performance }) => html`<tr><th scope="row">${who}<small>${kind}</small></th><td class="number">${answered}</td>${shareCell(auc && { value: auc.auc, ...auc.interval })}${shareCell(performance.sensitivity)}${shareCell(performance.specificity)}<td class="number">${performance.truePositive}</td><td class="number">${performance.falsePositive}</td><td class="number">${performance.falseNegative}</td><td class="number">${performance.trueNegative}</td></tr>`)}</tbody></table></div>
<h3>Between readers</h3><ul>${agreement.map(({ readers, kappa }) => html`<li>${readers[0]} and ${readers[1]}: ${kappa ? `kappa ${kappa.kappa.toFixed(3)}${kappa.interval ? ` (${kappa.interval.low.toFixed(3)} to ${kappa.interval.high.toFixed(3)})` : ''}, the same on ${(100 * kappa.observed).toFixed(1)} % of ${kappa.pairs}` : 'no kappa: one of them says the same of every disc, or nothing'}</li>`)}</ul>
<p class="quiet">${disagreements.length} discs on which readers differ. AUC by confidence (ten steps from certainly not to certainly) or probability, DeLong; kappa by Cohen, its interval by Fleiss.</p>`;
}

function shareCell(share: Share | null): Html {
  if (!share) return html`<td class="number">–</td>`;
  return html`<td class="number">${share.value.toFixed(3)}<small>${share.low.toFixed(3)} to ${share.high.toFixed(3)}</small></td>`;
}

export interface ReadingItemPage {
  readonly study: Pick<ReadingStudy, 'id' | 'name'>;
  /** From 1, in the reader's own order. */
  readonly place: number;
  readonly of: number;
  readonly answered: number;
  readonly answer: Pick<ReadingAnswer, 'calcified' | 'confidence'> | null;
  /** What each reader said, in the round that looks for agreement; null where whoever reads is to be told nothing. */
  readonly said: readonly { readonly name: string; readonly answer: ReadingAnswer }[] | null;
  readonly path: string;
  readonly picture: string;
  readonly csrf: string;
}

/** One region and nothing else: no patient, no level, no model, no CT. Works without script; assets/reading.js adds keys. */
export function readingItemPage(page: ReadingItemPage): Html {
  const { study, place, of, answered, answer, said, path, picture, csrf } = page;
  const at = (other: number) => `${path}?at=${other}`;
  return html`<p><a href="/reading/${study.id}">← Pause</a> <span class="quiet">${study.name}</span></p><h1>Disc ${place} of ${of} <small>${answered} answered</small></h1>
<progress max="${of}" value="${answered}" aria-label="Answered"></progress>
<div class="split reading"><figure><img src="${picture}" width="448" height="448" alt="Disc region ${place} on sagittal MR"></figure>
<form class="entry" method="post" action="${path}"><input type="hidden" name="_csrf" value="${csrf}"><input type="hidden" name="at" value="${place}">
${said && html`<ul>${said.map((each) => html`<li>${each.name}: ${each.answer.calcified ? 'calcified' : 'not calcified'}, confidence ${each.answer.confidence}</li>`)}</ul>`}
<fieldset><legend>Is the disc calcified?</legend>${choice('calcified', 'yes', 'Yes', 'y', answer?.calcified === true)}${choice('calcified', 'no', 'No', 'n', answer?.calcified === false)}</fieldset>
<fieldset><legend>How sure?</legend>${[1, 2, 3, 4, 5].map((step) => choice('confidence', String(step), step === 1 ? '1 a guess' : step === 5 ? '5 certain' : String(step), String(step), answer?.confidence === step))}</fieldset>
<button>Answer</button>
<nav class="pages" aria-label="Discs">${place > 1 && html`<a rel="prev" href="${at(place - 1)}">Back</a> `}${place < of && html`<a rel="next" href="${at(place + 1)}">Next</a>`}</nav>
<p class="quiet"><kbd>y</kbd> <kbd>n</kbd> calcified or not, <kbd>1</kbd> to <kbd>5</kbd> how sure, <kbd>Enter</kbd> answers, <kbd>←</kbd> <kbd>→</kbd> go back and on.</p></form></div>
<script type="module" src="/assets/reading.js"></script>`;
}

function choice(name: string, value: string, label: string, key: string, isChosen: boolean): Html {
  return html`<label class="choice"><input type="radio" name="${name}" value="${value}" data-key="${key}" required${isChosen && html` checked`}> ${label}</label>`;
}

export function readingDonePage({ id, name }: Pick<ReadingStudy, 'id' | 'name'>): Html {
  return html`<h1>${name}</h1><p>Everything is answered. Answers can be changed until the study is closed.</p><p><a href="/reading/${id}">To the study</a> <a href="/reading/${id}/read?at=1">From the beginning</a></p>`;
}
