import { byContrast, kindKey, kindName } from '../dicom/pictureKind.js';
import type { ImageFacts, PictureFacts } from '../domain/imageFacts.js';
import { attributesOf, orientationOf, type SeriesAttributes } from './attributes.js';

/** The pictures of one kind in one plane, in a series: one candidate of the series' for being read. */
export interface KindFacts {
  /** `echo 102 ms` */
  readonly name: string;
  readonly images: number;
  readonly attributes: SeriesAttributes;
}

/** What all images of a series together say. */
export interface SeriesFacts {
  /** Pictures: images, or frames of them. */
  readonly images: number;
  /** The most usual value over the images, and so the next. */
  readonly seriesDescription: string;
  readonly protocolName: string;
  readonly bodyPartExamined: string;
  readonly acquisitionDate: string | null;
  readonly frameOfReferenceUid: string | null;
  readonly numberOfFrames: number | null;
  /** In the order in which they would be read (agent/dicom/pictureKind.ts). */
  readonly scanner: ScannerFacts;
  readonly kinds: readonly KindFacts[];
  /** Doubts, in words, once each. */
  readonly notes: readonly string[];
}

/** One image of a series and who sent it. */
export interface SentImage {
  readonly facts: ImageFacts;
  readonly callingAe: string;
}

/** From all images of a series, in any order: the same images say the same. @throws RangeError without any */
export function factsOfSeries(images: readonly SentImage[]): SeriesFacts {
  if (images.length === 0) throw new RangeError('a series without images says nothing');
  const all = images.map(({ facts }) => facts);
  const callingAe = mostUsual(images.map((image) => image.callingAe)) ?? '';
  const groups = kindsIn(all);
  const kinds = groups
    .toSorted((a, b) => byContrast(a.first.kind, b.first.kind) || b.count - a.count)
    .map((group) => ({
      name: kindName(group.first.kind),
      images: group.count,
      attributes: withScouts(attributesOf(headerOf(group, all), callingAe), group, groups),
    }));
  return {
    images: groups.reduce((sum, { count }) => sum + count, 0),
    seriesDescription: mostUsual(all.map((each) => each.seriesDescription)) ?? '',
    protocolName: mostUsual(all.map((each) => each.protocolName)) ?? '',
    bodyPartExamined: mostUsual(all.map((each) => each.bodyPartExamined)) ?? '',
    acquisitionDate: mostUsual(all.map((each) => each.acquisitionDate)) ?? null,
    frameOfReferenceUid: mostUsual(all.map((each) => each.frameOfReferenceUid)) ?? null,
    numberOfFrames: mostUsual(all.map((each) => each.numberOfFrames)) ?? null,
    scanner: scannerOf(all),
    kinds,
    notes: [...new Set(all.flatMap(({ dateDoubts }) => dateDoubts ?? []))].sort(compare),
  };
}

/** Where and on what a series was made, and how large the patient was, by their keywords; what its images do not say is absent. */
export interface ScannerFacts {
  readonly InstitutionName?: string;
  readonly StationName?: string;
  readonly Manufacturer?: string;
  readonly ManufacturerModelName?: string;
  readonly MagneticFieldStrength?: number;
  /** Metres and kilograms. */
  readonly PatientSize?: number;
  readonly PatientWeight?: number;
}

function scannerOf(all: readonly ImageFacts[]): ScannerFacts {
  const said = {
    InstitutionName: mostUsual(all.map((each) => each.institutionName)),
    StationName: mostUsual(all.map((each) => each.stationName)),
    Manufacturer: mostUsual(all.map((each) => each.manufacturer)),
    ManufacturerModelName: mostUsual(all.map((each) => each.manufacturerModelName)),
    MagneticFieldStrength: mostUsual(all.map((each) => each.magneticFieldStrength)),
    PatientSize: mostUsual(all.map((each) => each.patientSize)),
    PatientWeight: mostUsual(all.map((each) => each.patientWeight)),
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value != null));
}

interface KindGroup {
  readonly first: PictureFacts;
  readonly orientation: SeriesAttributes['orientation'];
  /** Those that have pictures of this kind. */
  readonly images: readonly ImageFacts[];
  readonly count: number;
}

function kindsIn(all: readonly ImageFacts[]): KindGroup[] {
  const groups = new Map<string, { first: PictureFacts; images: ImageFacts[]; count: number }>();
  for (const facts of all)
    for (const picture of facts.pictures) {
      const key = `${kindKey(picture.kind)}/${orientationOf(picture.orientation ?? null)}`;
      const group = groups.get(key) ?? { first: picture, images: [], count: 0 };
      group.images.push(facts);
      group.count += picture.count;
      groups.set(key, group);
    }
  return [...groups.entries()]
    .toSorted(([a], [b]) => compare(a, b))
    .map(([, group]) => ({ ...group, orientation: orientationOf(group.first.orientation ?? null) }));
}

/** Words are the series', times and planes the kind's own. */
function headerOf({ first, images }: KindGroup, all: readonly ImageFacts[]) {
  const usual = <T>(of: (facts: ImageFacts) => T | undefined) => mostUsual(all.map(of)) ?? null;
  const own = <T>(of: (facts: ImageFacts) => T | undefined) => mostUsual(images.map(of)) ?? null;
  return {
    modality: usual((facts) => facts.modality),
    manufacturer: usual((facts) => facts.manufacturer),
    seriesDescription: usual((facts) => facts.seriesDescription),
    studyDescription: usual((facts) => facts.studyDescription),
    protocolName: usual((facts) => facts.protocolName),
    bodyPartExamined: usual((facts) => facts.bodyPartExamined),
    anatomicRegion: usual((facts) => facts.anatomicRegion) ?? [],
    imageType: [...(own((facts) => facts.imageType) ?? []).slice(0, 2), ...first.kind.type],
    imageOrientationPatient: first.orientation ?? null,
    echoTime: first.kind.echoTime ?? null,
    repetitionTime: own((facts) => facts.repetitionTime),
    inversionTime: own((facts) => facts.inversionTime),
    scanningSequence: own((facts) => facts.scanningSequence) ?? [],
    scanOptions: own((facts) => facts.scanOptions) ?? [],
  };
}

/** A picture to plan by shows few slices, several planes, thick slices and a wide field. */
const SCOUT = {
  /** Of one plane. */
  mostSlices: 9,
  thickMm: 6,
  wideMm: 380,
  /** Of a CT: topograms from the front and from the side. */
  mostTopograms: 3,
} as const;

function withScouts(
  attributes: SeriesAttributes,
  { first, count, orientation }: KindGroup,
  groups: readonly KindGroup[],
): SeriesAttributes {
  if (attributes.localizer || count > SCOUT.mostSlices) return attributes;
  const planes = new Set(groups.map((group) => group.orientation)).size;
  const isThick = (first.sliceThickness ?? 0) >= SCOUT.thickMm;
  const isWide = (first.widthMm ?? 0) >= SCOUT.wideMm;
  const isTopogram = attributes.Modality === 'CT' && orientation !== 'AXIAL' && count <= SCOUT.mostTopograms;
  const isScout =
    isTopogram || (attributes.Modality === 'MR' && (planes >= 2 ? isThick || isWide : isThick && isWide));
  return isScout ? { ...attributes, localizer: true } : attributes;
}

/** What most say; of equals the one that sorts first, so that no order of arrival matters. Undefined says nothing. */
function mostUsual<T>(values: readonly (T | undefined)[]): T | undefined {
  const counts = new Map<string, { value: T; count: number }>();
  for (const value of values) {
    if (value === undefined) continue;
    const key = JSON.stringify(value);
    const known = counts.get(key);
    if (known) known.count++;
    else counts.set(key, { value, count: 1 });
  }
  const [best] = [...counts.entries()].toSorted(([a, x], [b, y]) => y.count - x.count || compare(a, b));
  return best?.[1].value;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
