import type { ReportChoice, ReportChoiceCandidate } from './types.js';

/** How a series is called: by its number, which the reader has before him. */
function nameOf({ seriesNumber, seriesDescription }: ReportChoiceCandidate): string {
  const number = seriesNumber === null ? 'a series without number' : `series ${seriesNumber}`;
  return seriesDescription === '' ? number : `${number} "${seriesDescription}"`;
}

/** Which series was read, what else the study holds that could have been, and whether they agree. */
export function choiceStatements(choice: ReportChoice | null): string[] {
  if (choice === null) return [];
  const { candidates, agreement } = choice;
  const read = candidates.find(({ verdict }) => verdict === 'chosen');
  const others = candidates.filter(({ verdict }) => verdict !== 'chosen');
  if (!read) return [];
  const left = others.map((each) => `${nameOf(each)}: ${each.why}`).join('; ');
  return [
    `Read: ${nameOf(read)}.${left ? ` Not read, of the same study: ${left}.` : ''}`,
    ...agreementStatement(candidates, agreement),
  ];
}

function agreementStatement(
  candidates: ReportChoice['candidates'],
  { agrees }: ReportChoice['agreement'],
): string[] {
  if (agrees.length === 0) return [];
  const names = agrees.flatMap(({ seriesInstanceUid, medianMm }) => {
    const found = candidates.find((each) => each.seriesInstanceUid === seriesInstanceUid);
    return found ? [`${nameOf(found)} (within ${medianMm} mm)`] : [];
  });
  return [`The same levels were found independently in ${names.join(', ')}.`];
}
