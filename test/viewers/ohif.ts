import { existsSync, readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { QUIET_BROWSER } from '../expose/screen.js';
import { OHIF } from '../support/peers.js';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.html': 'text/html',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

/** One data source: Orthanc's DICOMweb plug-in, under the viewer's own origin. */
const SOURCE = {
  friendlyName: 'pacs',
  name: 'pacs',
  wadoUriRoot: '/wado',
  qidoRoot: '/dicom-web',
  wadoRoot: '/dicom-web',
  qidoSupportsIncludeField: false,
  imageRendering: 'wadors',
  thumbnailRendering: 'wadors',
  enableStudyLazyLoad: true,
  supportsWildcard: true,
  omitQuotationForMultipartRequest: true,
  dicomUploadEnabled: false,
};
const SETTINGS = {
  name: 'test',
  routerBasename: '/',
  extensions: [],
  modes: [],
  customizationService: {},
  showStudyList: true,
  maxNumberOfWebWorkers: 1,
  showCPUFallbackMessage: false,
  investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'pacs',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'pacs',
      configuration: SOURCE,
    },
  ],
};

export interface RunningOhif {
  readonly page: Page;
  /** What the browser holds against the page. */
  readonly complaints: readonly string[];
  /** Opens a study and waits for its series to be listed. */
  open(studyInstanceUid: string): Promise<void>;
  /** Opens the newest report and waits until so many boxes have their words. @returns what stands on the page, each box's words in one line */
  openReport(boxes: number): Promise<string>;
  /** Says yes to tracking, which makes boxes of the report measurements. @returns their rows in the panel */
  hydrate(): Promise<string[]>;
  /** Writes another label for the measurement whose row holds this text, and saves all as a report beside ours. */
  correct(row: string, label: string): Promise<void>;
  /** Opens the series of this description in the viewport. */
  openSeries(description: string): Promise<void>;
  /** Kept where a person asks for pictures (CALCIDISC_PICTURES). */
  picture(name: string): Promise<void>;
  close(): Promise<void>;
}

/** The real OHIF (npm's `@ohif/app`, as it is built) in headless Chromium, over an Orthanc with DICOMweb. */
export async function startOhif(orthancPort: number): Promise<RunningOhif> {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://viewer');
    if (pathname === '/app-config.js')
      return response
        .setHeader('content-type', 'text/javascript')
        .end(`window.config=${JSON.stringify(SETTINGS)}`);
    if (/^\/(dicom-web|wado)/.test(pathname)) return toOrthanc(orthancPort, request, response);
    const { type, bytes } = fileOf(pathname);
    return response.setHeader('content-type', type).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const browser = await openBrowser();
  const page = await browser.newPage({ viewport: { width: 1500, height: 900 } });
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  return {
    page,
    complaints,
    open: async (studyInstanceUid) => {
      await page.goto(`http://127.0.0.1:${port}/viewer?StudyInstanceUIDs=${studyInstanceUid}`);
      await page.locator('[data-cy^="study-browser-thumbnail"]').first().waitFor({ timeout: 120_000 });
    },
    openReport: (boxes) => openReport(page, boxes),
    hydrate: () => hydrate(page),
    correct: (row, label) => correct(page, row, label),
    openSeries: async (description) => {
      await page.locator('[data-cy="study-browser-thumbnail"]').filter({ hasText: description }).dblclick();
      await page.getByText('S:9002').first().waitFor();
    },
    picture: async (name) => {
      const dir = process.env.CALCIDISC_PICTURES;
      if (!dir) return;
      // Nothing on the page says that everything is drawn.
      await page.waitForTimeout(5_000);
      await page.screenshot({ path: `${dir}/${name}.png` });
    },
    close: async () => {
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

async function openReport(page: Page, boxes: number): Promise<string> {
  const report = page.locator('[data-cy="study-browser-thumbnail-no-image"]').first();
  await report.waitFor({ timeout: 120_000 });
  // The tour that greets who comes for the first time lies over everything.
  await page
    .locator('.shepherd-element')
    .first()
    .waitFor({ timeout: 10_000 })
    .catch(() => undefined);
  await page.evaluate(
    "document.querySelectorAll('.shepherd-modal-overlay-container, .shepherd-element').forEach((each) => each.remove())",
  );
  const isDrawn = `document.body.innerText.match(/intervertebral disc|LEVEL NOT CONFIRMED/g)?.length >= ${boxes}`;
  await report.dblclick();
  await page.locator('[data-cy="yes-hydrate-btn"]').first().waitFor({ timeout: 120_000 });
  // On a slow machine the images come after the boxes, which are drawn with the next picture: a new size asks for one.
  for (let tries = 1; ; tries++) {
    try {
      await page.waitForFunction(isDrawn, undefined, { timeout: 15_000, polling: 500 });
      break;
    } catch (error) {
      if (tries === 6) throw error;
      await page.setViewportSize({ width: 1500 - 10 * (tries % 2), height: 900 });
    }
  }
  return page.locator('body').innerText();
}

async function hydrate(page: Page): Promise<string[]> {
  await page.locator('[data-cy="yes-hydrate-btn"]').first().click();
  await page.locator('[data-cy="trackedMeasurements-btn"]').first().click();
  const rows = page.locator('[data-cy^="measurement-table-row"]');
  await rows.nth(4).waitFor({ timeout: 60_000 });
  return rows.allInnerTexts();
}

async function correct(page: Page, text: string, label: string): Promise<void> {
  const row = page.locator('[data-cy^="measurement-table-row"]').filter({ hasText: text });
  await row.hover();
  await row.locator('[data-cy="actionsMenuTrigger"]').click();
  await page.locator('[role=menuitem]').filter({ hasText: 'Rename' }).click();
  const dialog = page.locator('[role=dialog]');
  await dialog.locator('input').first().fill(label);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.locator('[data-cy^="measurement-table-row"]').filter({ hasText: label }).waitFor();
  await page.getByText('Create SR').click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
}

function openBrowser(): Promise<Browser> {
  // SwiftShader draws what a graphics card would.
  const webGl = ['--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];
  const quiet = QUIET_BROWSER.filter((arg) => arg !== '--disable-gpu');
  const args = [...quiet, ...webGl, '--ignore-gpu-blocklist'];
  return chromium.launch({ executablePath: '/usr/bin/chromium', args });
}

/** As it was asked: the plug-in writes the Host it was asked for into its links. */
function toOrthanc(port: number, request: http.IncomingMessage, response: http.ServerResponse): void {
  const { method, headers, url } = request;
  const onward = http.request(
    { host: '127.0.0.1', port, path: url, method: method ?? 'GET', headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    },
  );
  onward.on('error', () => response.writeHead(502).end());
  request.pipe(onward);
}

/** The viewer is one page: any other address is its own affair. */
function fileOf(pathname: string): { readonly type: string; readonly bytes: Buffer } {
  const wanted = join(OHIF, normalize(pathname));
  const isFile = existsSync(wanted) && statSync(wanted).isFile();
  const file = isFile ? wanted : join(OHIF, 'index.html');
  return { type: TYPES[extname(file)] ?? 'application/octet-stream', bytes: readFileSync(file) };
}
