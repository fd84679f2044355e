import type { CaseView } from '../../../db/caseView.js';
import type { Level } from '../../dicom/levels.js';
import { type Html, html } from '../html.js';

interface Box {
  readonly level: Level;
  readonly roiPixel: readonly [number, number, number, number];
  readonly isFlagged: boolean;
}

/** The stored slice with its regions laid over it as SVG, pixels shown square whatever the spacing. */
export function slicePicture(view: CaseView, modality: 'MR' | 'CT'): Html {
  const localisation = modality === 'MR' ? view.mr : view.ct;
  if (!localisation?.slicePng) return html`<p class="empty">No slice to show.</p>`;
  const { width, height } = pngSize(localisation.slicePng);
  const [rowSpacing, colSpacing] = localisation.pixelSpacingMm ?? [1, 1];
  const shown = { width: width * colSpacing, height: height * rowSpacing };
  const src = `/api/cases/${view.case.id}/slice.png?modality=${modality}`;
  return html`<figure class="slice"><svg viewBox="0 0 ${shown.width} ${shown.height}" role="img" aria-label="${modality} slice with the regions of the discs">
<image href="${src}" width="${shown.width}" height="${shown.height}" preserveAspectRatio="none"/>
${boxesOf(view, modality).map((box) => boxSvg(box, colSpacing, rowSpacing, shown.width))}</svg>
<figcaption>Image ${(localisation.sliceIndex ?? 0) + 1} of ${localisation.sliceCount ?? '–'}, ${width} × ${height},
${rowSpacing.toFixed(2)} mm. ${localisation.status}, ${Math.round(localisation.milliseconds)} ms.</figcaption></figure>`;
}

function boxesOf({ regions, measurements, inferences }: CaseView, modality: 'MR' | 'CT'): Box[] {
  if (modality === 'CT')
    return measurements.map(({ level, roiPixel, label }) => ({
      level,
      roiPixel,
      isFlagged: label === 'calcified',
    }));
  return regions.map(({ id, level, roiPixel }) => {
    const decided = inferences.find(({ discRegionId, role }) => discRegionId === id && role === 'active');
    return { level, roiPixel, isFlagged: decided?.calcified ?? false };
  });
}

/** Regions are outer edges with pixel centres at whole numbers; the picture's left edge is at -0.5. */
function boxSvg(
  { level, roiPixel, isFlagged }: Box,
  colSpacing: number,
  rowSpacing: number,
  widthMm: number,
): Html {
  const [col0, row0, col1, row1] = roiPixel;
  const x = (col0 + 0.5) * colSpacing;
  const y = (row0 + 0.5) * rowSpacing;
  const width = (col1 - col0) * colSpacing;
  const height = (row1 - row0) * rowSpacing;
  const size = widthMm / 28;
  const textX = Math.min(x + width + size / 3, widthMm - size * 3.4);
  return html`<g class="box ${isFlagged ? 'yes' : 'no'}"><rect x="${x}" y="${y}" width="${width}" height="${height}"/>
<text x="${textX}" y="${y + height / 2 + size / 3}" font-size="${size}">${isFlagged ? '● ' : ''}${level}</text></g>`;
}

/** Width and height stand in the IHDR chunk, always at the same place (PNG 11.2.2). */
function pngSize(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}
