// What OHIF makes of a report: hydrates an SR by @cornerstonejs/adapters, which are written for a browser.
//   node hydrate.mjs report.dcm ...   ->  of each file [{toolType, label, points, sopInstanceUid}], as JSON
//   node hydrate.mjs --probe      ->  exit code 0 where the adapters are installed and load
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

globalThis.window = globalThis;
globalThis.self = globalThis;
// The adapters narrate.
const print = console.log;
console.log = () => undefined;
console.warn = () => undefined;
const { metaData } = await import('@cornerstonejs/core');
const { adaptersSR } = await import('@cornerstonejs/adapters');
const require = createRequire(import.meta.url);
const dcmjs = require('dcmjs');
if (process.argv[2] === '--probe') process.exit(0);

const { DicomMessage, DicomMetaDictionary } = dcmjs.data;
metaData.addProvider((type) =>
  type === 'imagePlaneModule'
    ? {
        frameOfReferenceUID: '1.2.3',
        rows: 512,
        columns: 512,
        rowCosines: [0, 1, 0],
        columnCosines: [0, 0, -1],
        imagePositionPatient: [0, 0, 0],
        rowPixelSpacing: 1,
        columnPixelSpacing: 1,
      }
    : undefined,
);
const images = new Proxy({}, { get: (_, key) => `image:${String(key)}` });
function hydrate(path) {
  const file = readFileSync(path);
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
  const dataset = DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(bytes).dict);
  const state = adaptersSR.Cornerstone3D.MeasurementReport.generateToolState(dataset, images, metaData);
  return Object.entries(state).flatMap(([toolType, measurements]) =>
    measurements.map(({ annotation, sopInstanceUid }) => ({
      toolType,
      label: annotation.data.label,
      points: annotation.data.handles.points?.length ?? 0,
      sopInstanceUid,
    })),
  );
}
print(JSON.stringify(process.argv.slice(2).map(hydrate)));
