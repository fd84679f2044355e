import type { CaseView } from '../../../db/views/caseView.js';
import { type Html, html } from '../html.js';
import { imageOf, type Viewer } from '../viewer.js';
import { boxesOf, boxSvg, CROSS, discPlaces, slicePicture } from './slice.js';

const ZOOMS = [1, 1.5, 2, 3] as const;

/** The series of the study to scroll through; where its images cannot be shown, the slice that was kept, and why. */
export function viewerSection(view: CaseView, viewer: Viewer | string, list: string | undefined): Html {
  if (typeof viewer === 'string')
    return html`${slicePicture(view, 'MR')}<p class="quiet">Not to be scrolled through: ${viewer}.</p>`;
  return html`${figure(view, viewer)}${fields(view, viewer, list)}`;
}

function figure(view: CaseView, viewer: Viewer): Html {
  const { picture, image, images, shown, isRead, window } = viewer;
  const [rowMm, colMm] = picture.spacingMm;
  const size = { width: picture.columns * colMm, height: picture.rows * rowMm };
  const source = `/api/cases/${view.case.id}/image.png?series=${shown.seriesInstanceUid}`;
  const places = isRead ? discPlaces(view, 'MR', picture.spacingMm) : '{}';
  const { center, width } = picture.window;
  const asked = window ? `&center=${window.center}&width=${window.width}` : '';
  return html`<figure class="slice viewer" data-slice="MR" data-viewer="${source}" data-image="${image}" data-images="${images.length}"
 data-center="${tidy(center)}" data-width="${tidy(width)}" data-own="${window ? '' : 'yes'}" data-discs="${places}" data-size="${size.width} ${size.height}" tabindex="0" role="group"
 aria-label="${shown.modality} series ${shown.seriesNumber ?? 'without number'}, to scroll, window and zoom" aria-describedby="viewer-keys">
<svg viewBox="${viewBox(viewer, places, size)}" role="img" aria-label="Image ${image} of ${images.length}${isRead ? ' with the regions of the discs' : ''}">
<image href="${source}&image=${image}${asked}" width="${size.width}" height="${size.height}" preserveAspectRatio="none"/>
${isRead && boxes(view, viewer, size.width)}${CROSS}</svg>
<figcaption><output>Image ${image} of ${images.length}</output>, ${picture.columns} × ${picture.rows}, ${rowMm.toFixed(2)} mm.
${isRead && html`${view.mr?.status}. Dashed: the disc was read on another image.`}</figcaption></figure>`;
}

/** Each over its disc; dashed where its region was taken from another image than the one that is shown. */
function boxes(view: CaseView, { images, image, picture }: Viewer, widthMm: number): readonly Html[] {
  const [rowMm, colMm] = picture.spacingMm;
  return boxesOf(view, 'MR').map((box) => {
    const region = view.regions.find(({ level }) => level === box.level)!;
    const own = imageOf(images, region.sopInstanceUid, region.frameNumber);
    return boxSvg({ ...box, image: own, isElsewhere: own !== image }, colMm, rowMm, widthMm);
  });
}

/** About the discs where there are some. */
function viewBox(
  { zoom }: Viewer,
  places: string,
  { width, height }: { width: number; height: number },
): string {
  if (zoom === 1) return `0 0 ${width} ${height}`;
  const centres = Object.values(JSON.parse(places) as Record<string, [number, number]>);
  const middle = (axis: 0 | 1, whole: number) =>
    centres.length === 0 ? whole / 2 : centres.reduce((sum, each) => sum + each[axis], 0) / centres.length;
  const [w, h] = [width / zoom, height / zoom];
  const at = (axis: 0 | 1, whole: number, part: number) =>
    Math.min(whole - part, Math.max(0, middle(axis, whole) - part / 2));
  return `${tidy(at(0, width, w))} ${tidy(at(1, height, h))} ${tidy(w)} ${tidy(h)}`;
}

/** What the script does at once, by a form for who has none, and by numbers for who wants them. */
function fields(
  view: CaseView,
  { series, shown, image, images, window, picture, zoom }: Viewer,
  list: string | undefined,
): Html {
  const candidates = new Map(
    view.choice?.candidates.map((each) => [each.seriesInstanceUid, each.verdict]) ?? [],
  );
  const said = (uid: string) =>
    uid === view.mr?.seriesInstanceUid ? ', read' : candidates.has(uid) ? ', candidate' : '';
  return html`<form class="filters viewing" method="get" action="/cases/${view.case.id}#slice">${list && html`<input type="hidden" name="list" value="${list}">`}
<label>Series <select name="series">${series.map((each) => html`<option value="${each.seriesInstanceUid}"${each === shown && html` selected`}>${each.modality} ${each.seriesNumber ?? '–'} ${each.seriesDescription}${said(each.seriesInstanceUid)}</option>`)}</select></label>
<label>Image <input type="number" name="image" min="1" max="${images.length}" value="${image}"></label>
<label>Centre <input type="number" name="center" step="any" value="${window ? window.center : ''}" placeholder="${tidy(picture.window.center)}"></label>
<label>Width <input type="number" name="width" min="1" step="any" value="${window ? window.width : ''}" placeholder="${tidy(picture.window.width)}"></label>
<label>Zoom <select name="zoom">${ZOOMS.map((each) => html`<option value="${each}"${each === zoom && html` selected`}>${each} ×</option>`)}</select></label>
<button>Show</button></form>
<p class="quiet" id="viewer-keys">With the picture focused: <kbd>↑</kbd> <kbd>↓</kbd> images, <kbd>←</kbd> <kbd>→</kbd> darker and brighter, <kbd>[</kbd> <kbd>]</kbd> more and less contrast, <kbd>+</kbd> <kbd>−</kbd> zoom, <kbd>Shift</kbd> and arrows move, <kbd>1</kbd> to <kbd>5</kbd> the cross on a disc, <kbd>0</kbd> as it was. Or drag for the window, turn the wheel, click for the cross.</p>`;
}

/** That the cross goes along on the CT, and how well. */
export function crossWords({ mr, ct, regions, measurements }: CaseView): string {
  if (!ct?.slicePng) return '';
  if (mr?.status !== 'located' || ct.status !== 'located')
    return 'The cross of the MR does not go along here: the levels of one of the two are in doubt.';
  const shared = regions.filter(({ level }) => measurements.some((each) => each.level === level)).length;
  return shared < 2
    ? 'The cross of the MR does not go along here: the two share fewer than two discs.'
    : `The cross of the MR goes along here by the centres of the ${shared} discs that both show: approximate, for the two were not made in one frame of reference, and the spine bends otherwise.`;
}

function tidy(value: number): number {
  return Math.round(value * 10) / 10;
}
