import { dot, indexToPatient, type Plane, type Vector } from '../dicom/geometry.js';
import type { Grid } from './resample.js';
import type { SourceImage } from './series.js';
import type { PixelPoint } from './types.js';

/**
 * A sagittal picture in the convention the network and the classifiers know: rows run from superior to inferior,
 * columns from anterior to posterior.
 */
export interface SagittalImage extends Grid {
  readonly plane: Plane;
  /** From this picture's indices to those of the stored image; the same where the scanner uses the convention. */
  readonly toStored: (point: PixelPoint) => PixelPoint;
}

const INFERIOR: Vector = [0, 0, -1];
const POSTERIOR: Vector = [0, 1, 0];

/** A stored sagittal slice turned into the convention; no value is changed but by rescale and MONOCHROME1. */
export function sagittalOf(image: SourceImage): SagittalImage {
  const { plane } = image;
  const isTransposed = Math.abs(dot(plane.along, INFERIOR)) > Math.abs(dot(plane.down, INFERIOR));
  const [downAxis, alongAxis] = isTransposed ? [plane.along, plane.down] : [plane.down, plane.along];
  const flipRows = dot(downAxis, INFERIOR) < 0;
  const flipCols = dot(alongAxis, POSTERIOR) < 0;
  const rows = isTransposed ? plane.columns : plane.rows;
  const columns = isTransposed ? plane.rows : plane.columns;
  const toStored = ([col, row]: PixelPoint): PixelPoint => {
    const r = flipRows ? rows - 1 - row : row;
    const c = flipCols ? columns - 1 - col : col;
    return isTransposed ? [r, c] : [c, r];
  };
  const [storedCol, storedRow] = toStored([0, 0]);
  return {
    pixels: turned(image, rows, columns, { isTransposed, flipRows, flipCols }),
    rows,
    columns,
    toStored,
    plane: {
      origin: indexToPatient(plane, storedCol, storedRow),
      along: flipCols ? negate(alongAxis) : alongAxis,
      down: flipRows ? negate(downAxis) : downAxis,
      spacingMm: isTransposed ? [plane.spacingMm[1], plane.spacingMm[0]] : plane.spacingMm,
      rows,
      columns,
    },
  };
}

interface Turn {
  readonly isTransposed: boolean;
  readonly flipRows: boolean;
  readonly flipCols: boolean;
}

function turned(image: SourceImage, rows: number, columns: number, turn: Turn): Float32Array {
  const { stored, slope, intercept } = image;
  const width = image.plane.columns;
  let rowStep = turn.isTransposed ? 1 : width;
  let colStep = turn.isTransposed ? width : 1;
  let first = 0;
  if (turn.flipRows) {
    first += (rows - 1) * rowStep;
    rowStep = -rowStep;
  }
  if (turn.flipCols) {
    first += (columns - 1) * colStep;
    colStep = -colStep;
  }
  // MONOCHROME1 shows low values bright (PS3.3 C.7.6.3.1.2); the network wants them as the eye sees them.
  const [factor, offset] = image.isInverted ? [-slope, -intercept] : [slope, intercept];
  const pixels = new Float32Array(rows * columns);
  for (let row = 0, i = 0; row < rows; row++)
    for (let col = 0, at = first + row * rowStep; col < columns; col++, at += colStep)
      pixels[i++] = stored[at]! * factor + offset;
  return pixels;
}

function negate(v: Vector): Vector {
  return [-v[0], -v[1], -v[2]];
}
