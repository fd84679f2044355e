/** A browser for tests: no screen, and nothing of its own that talks to anybody. */
export const QUIET_BROWSER = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
export const SIZES = {
  desk: { width: 1280, height: 900 },
  tablet: { width: 820, height: 1180 },
  phone: { width: 390, height: 844 },
} as const;

/** What reaches beyond the window, the innermost last: for who has to mend it. */
export const WIDEST = `[...document.querySelectorAll('main *, header *')]
  .filter((each) => each.getBoundingClientRect().right > window.innerWidth + 0.5)
  .map((each) => each.outerHTML.slice(0, 90)).slice(-2).join(' ... ')`;
