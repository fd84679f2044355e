import type { ImageFacts, PictureFacts } from '../domain/imageFacts.js';
import type { DataSet } from './elements.js';
import type { Header } from './header.js';
import type { Part10 } from './parse.js';
import { kindKey, kindName, type Macro, macrosOf, pictureKindOf } from './pictureKind.js';

/** What an image says that its series is judged by. */
export function imageFactsOf({ dataSet }: Pick<Part10, 'dataSet'>, header: Header): ImageFacts {
  const macros = macrosOf(dataSet);
  return said({
    modality: header.modality,
    manufacturer: header.manufacturer,
    seriesDescription: header.seriesDescription,
    studyDescription: header.studyDescription,
    protocolName: header.protocolName,
    bodyPartExamined: header.bodyPartExamined,
    anatomicRegion: regionCodes(dataSet, macros[0]!),
    scanningSequence: header.scanningSequence,
    scanOptions: dataSet.strings('ScanOptions'),
    repetitionTime: header.repetitionTime,
    inversionTime: header.inversionTime,
    acquisitionDate: header.acquisitionDate,
    dateDoubts: header.dateDoubts,
    frameOfReferenceUid: header.frameOfReferenceUid,
    numberOfFrames: header.numberOfFrames,
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
    const key = `${picture.kind}/${picture.orientation?.map((value) => value.toFixed(1))}`;
    const known = groups.get(key);
    groups.set(key, known ? { ...known, count: known.count + 1 } : picture);
  }
  return [...groups.values()];
}

function pictureOf(dataSet: DataSet, macro: Macro, { rows, columns, imageType }: Header): PictureFacts {
  const kind = pictureKindOf(dataSet, macro);
  const measures = macro('PixelMeasuresSequence');
  const spacing = measures.numbers('PixelSpacing', 2);
  return said({
    count: 1,
    kind: kindKey(kind),
    kindName: kindName(kind),
    imageType: [...imageType.slice(0, 2), ...kind.type],
    echoTime: kind.echoTime,
    orientation: macro('PlaneOrientationSequence').numbers('ImageOrientationPatient', 6),
    sliceThickness: measures.number('SliceThickness'),
    widthMm: spacing && Math.round(Math.max(spacing[0]! * (rows ?? 0), spacing[1]! * (columns ?? 0))),
  });
}

type Said<T> = { [K in keyof T as null extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as null extends T[K] ? K : never]?: NonNullable<T[K]>;
};

/** Without what is not said: nothing, an empty text or an empty list. */
function said<T extends object>(all: T): Said<T> {
  const entries = Object.entries(all).filter(
    ([, value]) => value !== null && value !== '' && !(Array.isArray(value) && value.length === 0),
  );
  return Object.fromEntries(entries) as Said<T>;
}
