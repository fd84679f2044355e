/** The part of dcmjs that is used here; the package brings no types of its own. */
declare module 'dcmjs' {
  /** DICOM JSON as dcmjs keeps it: eight hexadecimal digits of the tag -> element. */
  export interface DcmjsElement {
    vr: string;
    Value?: unknown[];
  }
  export type DcmjsDict = Record<string, DcmjsElement>;
  /** Keyword -> value; a sequence is an array of the same. */
  export type DcmjsDataset = Record<string, unknown>;

  export class DicomDict {
    constructor(meta: DcmjsDict);
    meta: DcmjsDict;
    dict: DcmjsDict;
    write(options?: Record<string, unknown>): ArrayBuffer;
  }

  interface Dcmjs {
    readonly data: {
      readonly DicomDict: typeof DicomDict;
      readonly DicomMessage: {
        readFile(buffer: ArrayBuffer, options?: Record<string, unknown>): DicomDict;
      };
      readonly DicomMetaDictionary: {
        readonly nameMap: Readonly<Record<string, { readonly tag: string; readonly vr: string } | undefined>>;
        naturalizeDataset(dict: DcmjsDict): DcmjsDataset;
        denaturalizeDataset(dataset: DcmjsDataset): DcmjsDict;
      };
    };
    readonly log: { setLevel(level: string): void };
  }
  const dcmjs: Dcmjs;
  export default dcmjs;
}
