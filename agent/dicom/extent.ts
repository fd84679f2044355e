import type { Part10 } from './parse.js';

/** What one image says of the images around it: what of its series there should be. Absent where it does not say. */
export type Extent = {
  readonly [K in ExtentKey]?: K extends 'concatenation' ? string : number;
};

type ExtentKey =
  /** SpacingBetweenSlices and SliceThickness, mm (PS3.3 C.7.6.2, C.8.3.1). */
  | 'spacingMm'
  | 'thicknessMm'
  /** AcquisitionNumber and how many images that acquisition has. */
  | 'acquisition'
  | 'imagesInAcquisition'
  /** The places in time: how many there are, and this image's. */
  | 'temporalPositions'
  | 'temporalPosition'
  /** PS3.3 C.7.6.16.2.2.4: ConcatenationUID, this object's number, and how many there are. */
  | 'concatenation'
  | 'concatenationNumber'
  | 'concatenationTotal';

export function extentOf({ dataSet }: Part10): Extent {
  const shared = dataSet.items('SharedFunctionalGroupsSequence')[0];
  const measures = shared?.items('PixelMeasuresSequence')[0] ?? dataSet;
  const said = {
    spacingMm: positive(Math.abs(measures.number('SpacingBetweenSlices') ?? 0)),
    thicknessMm: positive(measures.number('SliceThickness')),
    acquisition: dataSet.number('AcquisitionNumber'),
    imagesInAcquisition: positive(dataSet.number('ImagesInAcquisition')),
    temporalPositions: positive(dataSet.number('NumberOfTemporalPositions')),
    temporalPosition: dataSet.number('TemporalPositionIdentifier'),
    concatenation: dataSet.string('ConcatenationUID'),
    concatenationNumber: dataSet.number('InConcatenationNumber'),
    concatenationTotal: positive(dataSet.number('InConcatenationTotalNumber')),
  } satisfies Record<ExtentKey, number | string | null>;
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null));
}

function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null;
}
