// Looks for news every few seconds and exchanges what is inside [data-live] (else <main>). It stands still while
// somebody types, selects or has something unfolded, and leaves the keyboard where it was.
const script = document.querySelector('script[data-seconds]');
const seconds = Number(script?.dataset.seconds ?? 3);
const LIVE = ['[data-live]', 'main'];

function liveIn(page) {
  return LIVE.map((selector) => page.querySelector(selector)).find(Boolean);
}

async function look() {
  if (document.hidden || isBusy()) return;
  try {
    const answer = await fetch(location.href, { headers: { 'x-calcidisc-refresh': '1' } });
    // Logged out meanwhile: the page asks who looks, and comes back here.
    if (answer.status === 401) return location.reload();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const fresh = liveIn(page);
    const shown = liveIn(document);
    if (fresh && shown && fresh.innerHTML !== seen && !isBusy()) exchange(shown, fresh);
    if (!page.querySelector('script[data-seconds]')) clearInterval(timer);
  } catch {
    // The agent is restarting: the next look will find it.
  }
}

function exchange(shown, fresh) {
  const focused = shown.contains(document.activeElement)
    ? document.activeElement?.getAttribute('href')
    : null;
  seen = fresh.innerHTML;
  shown.innerHTML = seen;
  if (focused) shown.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

function isBusy() {
  const typing = document.activeElement?.matches('input, select') ?? false;
  const reading = document.querySelector('main details[open]') !== null;
  return typing || reading || String(getSelection()) !== '';
}

let seen = liveIn(document)?.innerHTML;
const timer = setInterval(look, seconds * 1000);
