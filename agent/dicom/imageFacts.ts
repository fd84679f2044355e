import type { ImageFacts, PictureFacts } from '../domain/imageFacts.js';
import type { DataSet } from './elements.js';
import type { Header } from './header.js';
import type { Part10 } from './parse.js';
import { kindKey, type Macro, macrosOf, pictureKindOf } from './pictureKind.js';
import { said } from './said.js';

/** What an image says that its series is judged by. */
export function imageFactsOf({ dataSet }: Pick<Part10, 'dataSet'>, header: Header): ImageFacts {
  const macros = macrosOf(dataSet);
  return said({
    modality: header.modality,
    manufacturer: header.manufacturer,
    institutionName: header.institutionName,
    stationName: header.stationName,
    manufacturerModelName: header.manufacturerModelName,
    magneticFieldStrength: header.magneticFieldStrength,
    patientSize: header.patientSize,
    patientWeight: header.patientWeight,
    seriesDescription: header.seriesDescription,
    studyDescription: header.studyDescription,
    protocolName: header.protocolName,
    bodyPartExamined: header.bodyPartExamined,
    anatomicRegion: orNull(regionCodes(dataSet, macros[0]!)),
    scanningSequence: orNull(header.scanningSequence),
    scanOptions: orNull(dataSet.strings('ScanOptions')),
    repetitionTime: header.repetitionTime,
    inversionTime: header.inversionTime,
    acquisitionDate: header.acquisitionDate,
    dateDoubts: orNull(header.dateDoubts),
    frameOfReferenceUid: header.frameOfReferenceUid,
    numberOfFrames: header.numberOfFrames,
    imageType: orNull(header.imageType),
    pictures: picturesOf(dataSet, macros, header),
  });
}

/** General anatomy at the object's root, or frame by frame (PS3.3 10.5, C.7.6.16.2.8). */
function regionCodes(dataSet: DataSet, macro: Macro): string[] {
  const items = [
    ...dataSet.items('AnatomicRegionSequence'),
    ...macro('FrameAnatomySequence').items('AnatomicRegionSequence'),
  ];
  const codes = items.map((item) => `${item.string('CodingSchemeDesignator')}:${item.string('CodeValue')}`);
  return [...new Set(codes)];
}

function picturesOf(dataSet: DataSet, macros: readonly Macro[], header: Header): PictureFacts[] {
  const groups = new Map<string, PictureFacts>();
  for (const macro of macros) {
    const picture = pictureOf(dataSet, macro, header);
    const key = `${kindKey(picture.kind)}/${picture.orientation?.map((value) => value.toFixed(1))}`;
    const known = groups.get(key);
    groups.set(key, known ? { ...known, count: known.count + 1 } : picture);
  }
  return [...groups.values()];
}

function pictureOf(dataSet: DataSet, macro: Macro, { rows, columns }: Header): PictureFacts {
  const measures = macro('PixelMeasuresSequence');
  const spacing = measures.numbers('PixelSpacing', 2);
  return said({
    count: 1,
    kind: pictureKindOf(dataSet, macro),
    orientation: macro('PlaneOrientationSequence').numbers('ImageOrientationPatient', 6),
    sliceThickness: measures.number('SliceThickness'),
    widthMm: spacing && Math.round(Math.max(spacing[0]! * (rows ?? 0), spacing[1]! * (columns ?? 0))),
  });
}

const orNull = (list: readonly string[]) => (list.length > 0 ? list : null);
