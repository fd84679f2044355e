import { escapeXml } from '../evaluation/figures.js';
import { STYLE, toHtml } from '../study/page.js';
import type { Acceptance } from './acceptance.js';
import type { DiscFigure } from './pictures.js';
import { acceptanceTables } from './tables.js';

export interface AcceptancePictures {
  readonly agreements: readonly DiscFigure[];
  readonly disagreements: readonly DiscFigure[];
}

const OWN_STYLE = `
  h2 { font-size: 13pt; border-bottom: 2px solid #444; }
  .summary { font-size: 12pt; }
  .disc { width: 27.5em; box-sizing: border-box; border: 1px solid #999; padding: .5em; margin: .5em .5em .5em 0; vertical-align: top; }
  .disc img { width: 12.8em; height: 12.8em; background: #000; }
  .disc p { margin: .2em 0; font-size: 9.5pt; }
  .disc .missing { display: inline-block; width: 12em; font-style: italic; vertical-align: top; }
  td:first-child { white-space: normal; }
`;

/** One file with everything in it, to read and to print: no name and no patient ID stands in it. */
export function acceptancePage(acceptance: Acceptance, pictures: AcceptancePictures): string {
  const title = 'Acceptance report: Calcidisc at this site';
  const body = [
    `<main><h1>${title}</h1>`,
    ...warningsOf(acceptance).map((words) => `<p class="warning">${escapeXml(words)}</p>`),
    ...summaryOf(acceptance).map((words) => `<p class="summary">${escapeXml(words)}</p>`),
    ...acceptanceTables(acceptance).map(toHtml),
    pictureSection(
      'Where model and CT disagree (all)',
      pictures.disagreements,
      'They agree on every disc that was compared, or none was.',
    ),
    pictureSection(
      'Where model and CT agree (a choice, flagged ones first)',
      pictures.agreements,
      'No disc was compared on which they agree.',
    ),
    '</main>',
  ];
  return (
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">` +
    `<title>${title}</title><style>${STYLE}${OWN_STYLE}</style></head><body>\n${body.join('\n')}\n</body></html>\n`
  );
}

function warningsOf({ all: { performance } }: Acceptance): string[] {
  const { truePositive, falseNegative } = performance;
  return [
    'Research software, not a medical device. Nothing of this was verified by anybody.',
    ...(truePositive + falseNegative === 0
      ? ['No calcified disc was compared: nothing here says whether calcification would be found.']
      : []),
  ];
}

/** The report in three sentences. */
function summaryOf({ made, software, scope, cases, all }: Acceptance): string[] {
  const { truePositive, falsePositive, falseNegative, trueNegative } = all.performance;
  const days = [scope.from && `from ${scope.from}`, scope.to && `to ${scope.to}`].filter(Boolean).join(' ');
  const where = scope.source ? ` from ${scope.source}` : '';
  const disagree = falsePositive + falseNegative;
  return [
    `${cases.all} MR studies ${days || 'of all days'}${where}; ${cases.reported} have a report, ${cases.compared} could be compared with a CT.`,
    `Of ${all.compared} discs compared, model and CT agree on ${truePositive + trueNegative} and disagree on ${disagree}: ` +
      `${falsePositive} flagged that the CT calls free, ${falseNegative} calcified on CT that were not flagged.`,
    ...(scope.model
      ? [
          `The answers are those of ${scope.model}, also where another model decided: its reports say otherwise.`,
        ]
      : []),
    `Made ${made.slice(0, 16).replace('T', ' ')} UTC by Calcidisc ${software}.`,
  ];
}

function pictureSection(title: string, figures: readonly DiscFigure[], none: string): string {
  const shown = figures.map(figureHtml).join('');
  return `<h2>${escapeXml(title)}</h2>${shown || `<p>${escapeXml(none)}</p>`}`;
}

function figureHtml({ heading, says, ct, mrPng, ctPng }: DiscFigure): string {
  const image = (png: Uint8Array, alt: string) =>
    `<img src="data:image/png;base64,${Buffer.from(png).toString('base64')}" alt="${escapeXml(alt)}">`;
  const beside = ctPng
    ? image(ctPng, `${heading}: the disc on CT`)
    : '<span class="missing">no picture of the CT</span>';
  const onMr = mrPng
    ? image(mrPng, `${heading}: the region on MR, as the model saw it`)
    : '<span class="missing">its picture was deleted by policy</span>';
  return (
    `<figure class="disc"><figcaption>${escapeXml(heading)}</figcaption>` +
    `${onMr} ${beside}` +
    `<p>MR: ${escapeXml(says)}</p><p>${escapeXml(ct)}</p></figure>`
  );
}
