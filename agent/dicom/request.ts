import type { DataSet } from './elements.js';

/** Hierarchic Designator (PS3.3 10.14): who gave a number; '' where it is not said. */
export interface Designator {
  readonly local: string;
  readonly universal: string;
  /** DNS, EUI64, ISO, URI, UUID, X400, X500 */
  readonly universalType: string;
}

export interface CodedText {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** The order an image was made for, as its header has it; '' and null for what it does not say. */
export interface RequestedProcedure {
  readonly id: string;
  readonly description: string;
  readonly code: CodedText | null;
  readonly issuerOfAccession: Designator | null;
  readonly placerOrderNumber: string;
  readonly placerIssuer: Designator | null;
  readonly fillerOrderNumber: string;
  readonly fillerIssuer: Designator | null;
}

/**
 * From Request Attributes (PS3.3 10.6) where the scanner had a worklist, else from the image itself, where older ones and
 * some PACS write it.
 * @returns null when the header says nothing of an order but, perhaps, its accession number
 */
export function requestOf(dataSet: DataSet): RequestedProcedure | null {
  const attributes = dataSet.items('RequestAttributesSequence')[0];
  const first = (keyword: Parameters<DataSet['text']>[0]) =>
    attributes?.text(keyword) ?? dataSet.text(keyword) ?? '';
  const issuer = (keyword: Parameters<DataSet['items']>[0]) =>
    designatorOf(attributes?.items(keyword)[0] ?? dataSet.items(keyword)[0]);
  const code =
    attributes?.items('RequestedProcedureCodeSequence')[0] ??
    dataSet.items('RequestedProcedureCodeSequence')[0];
  const request = {
    id: first('RequestedProcedureID'),
    description: first('RequestedProcedureDescription'),
    code: codedOf(code),
    issuerOfAccession: issuer('IssuerOfAccessionNumberSequence'),
    placerOrderNumber: first('PlacerOrderNumberImagingServiceRequest'),
    placerIssuer: issuer('OrderPlacerIdentifierSequence'),
    fillerOrderNumber: first('FillerOrderNumberImagingServiceRequest'),
    fillerIssuer: issuer('OrderFillerIdentifierSequence'),
  };
  return Object.values(request).some((value) => value !== '' && value !== null) ? request : null;
}

export function designatorOf(item: DataSet | undefined): Designator | null {
  if (!item) return null;
  const [local, universal] = [
    item.text('LocalNamespaceEntityID') ?? '',
    item.text('UniversalEntityID') ?? '',
  ];
  const universalType = item.string('UniversalEntityIDType') ?? '';
  return local || universal ? { local, universal, universalType } : null;
}

function codedOf(item: DataSet | undefined): CodedText | null {
  const [value, scheme, meaning] = [
    item?.text('CodeValue'),
    item?.text('CodingSchemeDesignator'),
    item?.text('CodeMeaning'),
  ];
  return value && scheme && meaning ? { value, scheme, meaning } : null;
}
